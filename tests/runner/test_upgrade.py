"""What `upgrade` does and prints, to the letter."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from .conftest import REPOSITORY

if TYPE_CHECKING:
    from .conftest import Platform

HEADING = "🗄️  Running database migrations..."


def without_time(line: str) -> str:
    return re.sub(r"\(run [0-9a-f]{6}, \d+\.\d s\)", "(T)", line)


def test_first_run_second_run_and_new_revision(platform: Platform) -> None:
    platform.policy(parallelism=1)  # or the order would be that in which they end
    first = platform.run("upgrade")
    assert [without_time(line) for line in first.lines] == [
        HEADING,
        "  ✓ Applied new migrations to accounts_default (create_accounts, add_email)",
        "  ✓ Applied new migrations to accounts_to_shiba (create_accounts, add_email)",
        "  ✓ Applied new migrations to flows_default (create_flows, add_label)",
        "  ✓ Applied new migrations to flows_to_shiba (create_flows, add_label)",
        "  ✓ Applied new migrations to intake (create_files)",
        "5 schemas: 0 up-to-date, 5 applied, 0 failed, 0 skipped (T)",
    ]
    assert (first.code, first.err) == (0, "")
    second = platform.run("upgrade")
    assert second.lines == [
        HEADING,
        "  ✓ accounts_default already up-to-date",
        "  ✓ accounts_to_shiba already up-to-date",
        "  ✓ flows_default already up-to-date",
        "  ✓ flows_to_shiba already up-to-date",
        "  ✓ intake already up-to-date",
    ]
    assert (second.code, second.err) == (0, "")
    platform.add(
        "accounts", "a3", "a2", "add_user_avatar", 'op.add_column("accounts", sa.Column("avatar", sa.Text))'
    )
    platform.add("accounts", "a4", "a3", "add_x")
    third = platform.run("upgrade")
    assert third.lines[1:3] == [
        "  ✓ Applied new migrations to accounts_default (add_user_avatar, add_x)",
        "  ✓ Applied new migrations to accounts_to_shiba (add_user_avatar, add_x)",
    ]
    assert without_time(third.lines[-1]) == "5 schemas: 3 up-to-date, 2 applied, 0 failed, 0 skipped (T)"
    assert platform.version("accounts_default") == platform.version("accounts_to_shiba") == "a4"


def test_nothing_to_do_imports_neither_alembic_nor_sqlalchemy(platform: Platform, exchange: Path) -> None:
    platform.only("accounts", "flows")

    def modules() -> list[list[str]]:
        assert platform.run("upgrade", "--exchange", str(exchange)).code == 0
        return [
            json.loads((exchange / f"{name}.result").read_text())["modules"] for name in ("accounts", "flows")
        ]

    assert modules() == [["alembic", "sqlalchemy"], ["alembic", "sqlalchemy"]]
    assert modules() == [[], []]


def test_broken_revision_in_the_middle(platform: Platform) -> None:
    """Which tenant, which revision, why; what was before it stays; the others are named and left alone."""
    platform.plan["tenants"] = ["default", "toshiba", "iopex"]
    platform.plan["policy"]["parallelism"] = 1
    platform.only("accounts", "intake")
    assert platform.run("upgrade", "--tenant", "default", "iopex").code == 0
    platform.query("accounts", "CREATE SCHEMA accounts_toshiba")
    platform.query("accounts", "INSERT INTO accounts_default.accounts (email) VALUES ('a')")
    platform.add(
        "accounts", "a3", "a2", "add_notes", 'op.add_column("accounts", sa.Column("notes", sa.Text))'
    )
    broken = (
        'if context.get_context().version_table_schema == "accounts_toshiba":\n'
        '    op.execute("INSERT INTO nowhere VALUES (1)")'
    )
    platform.add("accounts", "a4", "a3", "add_user_avatar", broken)
    platform.add("accounts", "a5", "a4", "never_reached")
    ended = platform.run("upgrade")
    assert [without_time(line) for line in ended.lines] == [
        HEADING,
        "  ✓ Applied new migrations to accounts_default (add_notes, add_user_avatar, never_reached)",
        '  ✗ accounts_toshiba failed at add_user_avatar: relation "nowhere" does not exist (SQLSTATE 42P01)',
        "    → migrations/versions/a4_add_user_avatar.py line 12",
        "    → accounts_toshiba is at add_notes, this run applied create_accounts, add_email, add_notes",
        "  – accounts_iopex skipped, still at add_email",
        "  – intake not started: intake skipped",
        "4 schemas: 0 up-to-date, 1 applied, 1 failed, 2 skipped (T)",
    ]
    assert ended.code == 1
    assert platform.version("accounts_toshiba") == "a3"
    assert platform.version("accounts_iopex") == "a2"


def test_python_error_and_exit_in_a_revision(platform: Platform) -> None:
    platform.only("accounts")
    file = platform.add("accounts", "a3", "a2", "boom", 'raise ValueError("no such\\nthing")')
    ended = platform.run("upgrade")
    assert ended.code == 1
    assert ended.lines[1] == "  ✗ accounts_default failed at boom: ValueError: no such"
    file.write_text(file.read_text().replace('raise ValueError("no such\\nthing")', "raise SystemExit(0)"))
    ended = platform.run("upgrade")
    assert ended.code == 1
    assert ended.lines[1] == "  ✗ accounts_default failed at boom: SystemExit: 0"


def test_a_revision_is_confined_and_limited(platform: Platform) -> None:
    """The plan's limits hold in env.py's session; another schema than the tenant's is noticed and undone."""
    platform.only("accounts", "flows")
    probe = (
        "for name in ('lock_timeout', 'statement_timeout', 'application_name'):\n"
        "    row = op.get_bind().exec_driver_sql(f'SHOW {name}').scalar()\n"
        "    op.execute(f\"INSERT INTO settings VALUES ('{name}', '{row}')\")"
    )
    for name, head in (("accounts", "a2"), ("flows", "f2")):
        table = 'op.create_table("settings", sa.Column("name", sa.Text), sa.Column("value", sa.Text))'
        platform.add(name, "x3", head, "add_settings", f"{table}\n{probe}")
    unlimited = "?options=-c%20lock_timeout%3D0%20-c%20statement_timeout%3D0"
    loose = platform.server.url(platform.service("accounts")["database"]) + unlimited
    assert platform.run("upgrade", ACCOUNTS_DATABASE_URL=loose).code == 0
    for name in ("accounts", "flows"):
        settings = dict(platform.query(name, f"SELECT name, value FROM {name}_to_shiba.settings"))
        assert settings["lock_timeout"] == "1500ms"
        assert settings["statement_timeout"] == "45s"
        assert f"genmigrate sample/local {name}" in settings["application_name"]
    platform.query("accounts", "CREATE SCHEMA elsewhere")
    astray = 'op.execute("CREATE TABLE t (i int)")\nop.execute("SET search_path TO elsewhere")'
    platform.add("accounts", "x4", "x3", "go_astray", astray)
    ended = platform.run("upgrade")
    assert ended.code == 1
    assert ended.lines[1] == (
        "  ✗ accounts_default failed at go_astray: "
        "env.py works in schema elsewhere, not in accounts_default as ALEMBIC_SCHEMA says"
    )
    assert platform.version("accounts_default") == "x3"
    assert platform.query("accounts", "SELECT to_regclass('accounts_default.t')") == [(None,)]


def test_env_py_that_ignores_the_schema_touches_nothing(platform: Platform) -> None:
    platform.only("accounts")
    env = platform.root / "accounts" / "migrations" / "env.py"
    env.write_text(env.read_text().replace('os.environ["ALEMBIC_SCHEMA"]', '"public"'))
    ended = platform.run("upgrade")
    assert ended.code == 1
    assert ended.lines[1] == (
        "  ✗ accounts_default failed at create_accounts: "
        "env.py works in schema public, not in accounts_default as ALEMBIC_SCHEMA says"
    )
    assert (
        platform.query("accounts", "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        == []
    )


def test_env_py_that_never_commits_is_not_believed(platform: Platform) -> None:
    platform.only("accounts")
    env = platform.root / "accounts" / "migrations" / "env.py"
    env.write_text(env.read_text().replace("connection.commit()", "pass"))
    ended = platform.run("upgrade")
    assert ended.code == 1
    assert ended.lines[1] == (
        "  ✗ accounts_default failed at env.py: Alembic ended without an error, "
        "but accounts_default still lacks create_accounts, add_email"
    )


def test_only_planned_schemas_are_made_and_touched(platform: Platform) -> None:
    platform.only("accounts")
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    platform.query("accounts", "CREATE SCHEMA accounts_other")
    platform.query("accounts", "CREATE TABLE public.mine (i int)")
    assert platform.run("upgrade", "--tenant", "to-shiba").code == 0
    tables = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    tables += "WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema|genmigrate)' ORDER BY 1, 2"
    assert platform.query("accounts", tables) == [
        ("accounts_to_shiba", "accounts"),
        ("accounts_to_shiba", "alembic_version"),
        ("public", "mine"),
    ]
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'accounts%' ORDER BY 1"
    assert platform.query("accounts", schemas) == [("accounts_other",), ("accounts_to_shiba",)]


def test_a_revision_that_reads_its_schema_while_it_is_imported(platform: Platform) -> None:
    """Revision files are loaded anew for each schema, so that the first schema does not stick."""
    platform.only("accounts")
    file = platform.add(
        "accounts", "a3", "a2", "by_name", 'op.execute(f"CREATE TABLE {SCHEMA}.named (i int)")'
    )
    file.write_text(
        file.read_text().replace(
            "import sqlalchemy as sa", 'import os\nSCHEMA = os.environ["ALEMBIC_SCHEMA"]'
        )
    )
    assert platform.run("upgrade").code == 0
    assert platform.query("accounts", "SELECT to_regclass('accounts_to_shiba.named') IS NOT NULL") == [
        (True,)
    ]


def test_the_caller_s_python_does_not_leak_in(platform: Platform) -> None:
    """A service sees neither the runner's folder nor the caller's interpreter settings, and its own code."""
    platform.only("accounts")
    (platform.root / "accounts" / "own_module.py").write_text("")
    platform.add(
        "accounts",
        "a3",
        "a2",
        "look_around",
        "import os, sys, own_module\n"
        "assert not [entry for entry in sys.path if 'runner' in entry]\n"
        "assert not {'VIRTUAL_ENV', 'PYTHONPATH', 'PYTHONHOME', 'PYTHONSAFEPATH'} & set(os.environ)\n"
        "assert os.environ['SAMPLE_TENANTS'] == 'default,to-shiba'\n"
        "assert os.getcwd().endswith('/accounts')",
    )
    runner = platform.root / "out" / "runner"
    runner.mkdir(parents=True)
    shutil.copytree(REPOSITORY / "genmigrate", runner / "genmigrate")
    ended = platform.run("upgrade", VIRTUAL_ENV="/nowhere", PYTHONPATH=str(runner))
    assert (ended.code, ended.out.count("look_around")) == (0, 2), ended.out
