"""An env.py that nobody changed for the runner: each kind keeps every tenant's tables in that tenant's schema."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest

from tests.postgres import PASSWORD

from .conftest import SAMPLES

if TYPE_CHECKING:
    from .conftest import Platform

pytestmark = pytest.mark.minutes

TENANTS = ["alpha", "beta", "gamma-ray"]
SCHEMAS = ["accounts_alpha", "accounts_beta", "accounts_gamma_ray"]
#: Where something of the service is, the runner's own schema and PostgreSQL's left out.
PLACES = """SELECT n.nspname, string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
 JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'S', 'v') AND n.nspname !~ '^(pg_|information_schema|genmigrate)'
 GROUP BY 1 ORDER BY 1"""
OWN_TABLE = """context.configure(
            connection=connection,
            version_table="accounts_version",
            version_table_schema=schema.replace("accounts_", "versions_"),
        )"""


class Kind:
    """What a service's folder holds, and the driver that its URL names."""

    def __init__(self, template: str = "", scheme: str = "postgresql", skip_env: bool = False) -> None:
        self.template = template
        self.scheme = scheme
        self.skip_env = skip_env

    def __str__(self) -> str:
        return (
            f"{self.template}{'-skipped' if self.skip_env else ''}-{self.scheme.partition('+')[2] or 'plain'}"
        )

    def prepare(self, platform: Platform) -> None:
        """Make the service `accounts` one of this kind, with two revisions, three tenants and nothing applied."""
        platform.only("accounts")
        platform.plan["tenants"] = TENANTS
        service = platform.plan["services"][0]
        folder = platform.root / "accounts"
        if self.template in ("generic", "async"):
            shutil.rmtree(folder / "migrations")
            (folder / "alembic.ini").unlink()
            alembic(folder, "init", "-t", self.template, "migrations")
            assert (
                "\nsqlalchemy.url = driver://user:pass@localhost/dbname\n"
                in (folder / "alembic.ini").read_text()
            )
            for name in ("a1_create_accounts.py", "a2_add_email.py"):
                shutil.copy(SAMPLES / "accounts/migrations/versions" / name, folder / "migrations/versions")
        elif self.template == "own-version":
            service.update(version_table="accounts_version", version_table_schema="versions_{tenant}")
            env = folder / "migrations/env.py"
            text = env.read_text()
            assert "context.configure(connection=connection)" in text
            env.write_text(text.replace("context.configure(connection=connection)", OWN_TABLE))
        if self.skip_env:
            service["skip_env"] = True
            (folder / "migrations/env.py").write_text("raise SystemExit('env.py ran')")
        platform.environ["ACCOUNTS_DATABASE_URL"] = platform.server.url(
            service["database"], scheme=self.scheme
        )

    def places(self) -> list[tuple[str, str]]:
        """What PLACES finds once the service is migrated."""
        if self.template != "own-version":
            return [(schema, "accounts accounts_id_seq alembic_version") for schema in SCHEMAS]
        versions = [(schema.replace("accounts", "versions"), "accounts_version") for schema in SCHEMAS]
        return [*[(schema, "accounts accounts_id_seq") for schema in SCHEMAS], *versions]


def alembic(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the program `alembic` in a service's folder."""
    ended = subprocess.run(
        [Path(sys.executable).with_name("alembic"), *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended


KINDS = [
    Kind("convention"),
    Kind("own-version"),
    Kind("generic"),
    Kind("generic", "postgresql+psycopg2"),
    Kind("async", "postgresql+psycopg"),
    Kind("async", "postgresql+asyncpg"),
    Kind("generic", "postgresql", skip_env=True),
    Kind("generic", "postgresql+psycopg2", skip_env=True),
    Kind("async", "postgresql+asyncpg", skip_env=True),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_env_py(platform: Platform, kind: Kind) -> None:
    """First run, nothing to do, a new revision and a failing one; the password has a percent sign."""
    assert "%" in PASSWORD
    assert "%25" in quote(PASSWORD)
    kind.prepare(platform)
    first = platform.run("upgrade")
    assert (first.code, first.out.count("(create_accounts, add_email)")) == (0, 3), first
    assert platform.query("accounts", PLACES) == kind.places()
    again = platform.run("upgrade")
    assert (again.code, again.out.count("already up-to-date"), again.err) == (0, 3, ""), again
    platform.add(
        "accounts",
        "a3",
        "a2",
        "add_note",
        'op.add_column("accounts", sa.Column("note", sa.Text))\nwith op.get_context().autocommit_block():\n'
        '    op.execute("CREATE INDEX CONCURRENTLY notes ON accounts (note)")',
    )
    broken = (
        'op.execute("CREATE TABLE half (i int)")\n'
        'if "beta" in op.get_bind().exec_driver_sql("SELECT current_schema()").scalar():\n'
        '    op.execute("SELECT 1/0")'
    )
    platform.add("accounts", "a4", "a3", "divide", broken)
    ended = platform.run("upgrade")
    assert ended.code == 1
    failed = [line for line in ended.lines if line.startswith("  ✗")]
    assert failed == ["  ✗ accounts_beta failed at divide: division by zero (SQLSTATE 22012)"], ended
    assert "  ✓ Applied new migrations to accounts_alpha (add_note, divide)" in ended.lines
    tables = dict(platform.query("accounts", PLACES))
    assert "half" in tables["accounts_alpha"]
    assert "half" not in tables["accounts_beta"]
    assert set(tables) == {schema for schema, _ in kind.places()}
    status = platform.run("status").lines
    assert [line.split()[2:4] for line in status[1:3]] == [["up-to-date", "divide"], ["pending", "add_note"]]


@pytest.mark.parametrize(
    "kind", [Kind("generic"), Kind("async", "postgresql+asyncpg"), Kind("generic", skip_env=True)], ids=str
)
def test_extensions_in_a_schema_of_their_own(platform: Platform, kind: Kind) -> None:
    """Found without a qualified name; but nothing of a tenant's may be made there, or in public."""
    kind.prepare(platform)
    service = platform.plan["services"][0]
    service["extension_schemas"] = ["extensions"]
    platform.server.query(f"CREATE DATABASE {service['database']}")
    platform.query("accounts", "CREATE SCHEMA extensions CREATE TABLE known (i int)")
    platform.query("accounts", "CREATE EXTENSION vector SCHEMA extensions")
    platform.query("accounts", "CREATE FUNCTION extensions.twice(i int) RETURNS int RETURN 2 * i")
    platform.query("accounts", "CREATE TABLE public.shared (i int)")
    platform.add(
        "accounts",
        "a3",
        "a2",
        "add_place",
        'op.execute("CREATE TABLE places (v vector(3), i int DEFAULT twice(21))")\n'
        "op.execute(\"INSERT INTO places (v) VALUES ('[1,2,3]')\")",
    )
    ended = platform.run("upgrade")
    assert (ended.code, ended.out.count("add_place")) == (0, 3), ended
    assert platform.query("accounts", "SELECT i FROM accounts_gamma_ray.places") == [(42,)]
    before = platform.query("accounts", PLACES)
    platform.plan["policy"]["max_failed_tenants"] = None  # each statement for a schema of its own
    statements = {
        "alpha": "CREATE TABLE extensions.mine (i int)",
        "beta": "DROP TABLE public.shared",
        "gamma": "SET search_path TO public; CREATE TABLE stray (i int); "
        "SET search_path TO accounts_gamma_ray, extensions",
    }
    body = (
        f"statements = {statements}\n"
        'tenant = op.get_bind().exec_driver_sql("SELECT current_schema()").scalar().split("_")[1]\n'
        'op.execute("CREATE TABLE kept (i int)")\n'
        "for statement in statements[tenant].split(';'):\n"
        "    op.execute(statement)"
    )
    platform.add("accounts", "a4", "a3", "stray", body)
    ended = platform.run("upgrade")
    outside = "it made or changed {}, outside of its schema {}"
    assert ended.code == 1
    assert sorted(line for line in ended.lines if line.startswith("  ✗")) == [
        f"  ✗ accounts_alpha failed at stray: {outside.format('extensions.mine', 'accounts_alpha')}",
        f"  ✗ accounts_beta failed at stray: {outside.format('public.shared', 'accounts_beta')}",
        f"  ✗ accounts_gamma_ray failed at stray: {outside.format('public.stray', 'accounts_gamma_ray')}",
    ], ended
    assert platform.query("accounts", PLACES) == before


def test_an_engine_that_keeps_its_connection_can_try_again(platform: Platform) -> None:
    """The first try's connection lies in env.py's pool: its lock must not stand in the way of the second."""
    platform.only("accounts")
    platform.plan["tenants"] = ["alpha"]
    (platform.root / "accounts" / "pooled.py").write_text(
        "import os\nimport sqlalchemy as sa\n"
        "url = sa.make_url(os.environ['ACCOUNTS_DATABASE_URL']).set(drivername='postgresql+psycopg')\n"
        "engine = sa.create_engine(url)\n"
    )
    env = platform.root / "accounts/migrations/env.py"
    made = "engine = sa.create_engine(url, poolclass=sa.NullPool)"
    assert made in env.read_text()
    env.write_text(env.read_text().replace(made, "from pooled import engine"))
    assert platform.run("upgrade").code == 0
    platform.add("accounts", "a3", "a2", "add_note", 'op.add_column("accounts", sa.Column("note", sa.Text))')
    with psycopg.connect(platform.urls()["ACCOUNTS_DATABASE_URL"]) as holder:
        holder.execute("LOCK TABLE accounts_alpha.accounts")
        runner = platform.start("upgrade", "--timeout", "2")
        assert runner.stderr is not None
        assert "; try 1 of 1 in " in runner.stderr.readline()
        holder.rollback()
    out, err = runner.communicate(timeout=60)
    assert (runner.returncode, "(add_note)" in out) == (0, True), (out, err)
