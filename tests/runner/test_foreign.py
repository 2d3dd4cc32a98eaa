"""Three histories from PyPI that were not written for this project, each through its own env.py, unchanged.

- Optuna: 10 revisions with enum types and batch operations; the stock env.py, which takes its URL from the config.
- Aodh of OpenStack: 10 revisions; a stock env.py that would also take a connection from its caller.
- Placement of OpenStack: 5 revisions; an env.py that takes its URL from a variable of its own and keeps one engine
  with a pool for the life of the process, so the second tenant would be served by the first one's connection.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Platform

pytestmark = pytest.mark.minutes

LOCKED = Path(__file__).parent / "foreign" / "requirements.txt"
UV = Path(sys.executable).with_name("uv")
INI = """[alembic]
script_location = {location}
sqlalchemy.url = {url}
[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
level = WARN
handlers =
"""
TENANTS = ("alpha", "beta", "gamma")
COLUMNS = r"""SELECT table_name, column_name, udt_name, udt_schema = table_schema, is_nullable,
 regexp_replace(replace(column_default, table_schema || '.', ''), '\d{{4}}-[^'']+', 'when the revision ran')
 FROM information_schema.columns
 WHERE table_schema = '{}' ORDER BY 1, 2"""
SCHEMAS = """SELECT DISTINCT n.nspname FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
 WHERE d.refclassid = 'pg_namespace'::regclass AND n.nspname !~ '^(pg_|information_schema|genmigrate)' ORDER BY 1"""


@dataclass(frozen=True)
class History:
    """A package with migrations: where they are, their first and last names, the variable for its URL."""

    name: str
    location: str
    first: str
    last: str
    variable: str = ""


HISTORIES = (
    History("optuna", "optuna:storages/_rdb/alembic", "v0.9.0.a", "v3.2.0.a"),
    History("aodh", "aodh.storage.sqlalchemy:alembic", "initial_base", "add_cascade"),
    History(
        "placement",
        "placement.db.sqlalchemy:alembic",
        "initial",
        "drop_redundant_indexes_for_unique_",
        "OS_PLACEMENT_DATABASE__CONNECTION",
    ),
)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the three packages, as they were locked."""
    folder = tmp_path_factory.mktemp("foreign") / "venv"
    quiet = {"cwd": folder.parent, "check": True, "capture_output": True}
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], **quiet)
    python = folder / "bin" / "python"
    install = [UV, "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*install, "--python", python, "-r", LOCKED], **quiet)
    return python


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.name)
def test_a_foreign_history(platform: Platform, python: Path, history: History) -> None:
    """Every tenant has in its own schema what Alembic alone makes in public, and nothing is anywhere else."""
    platform.only("accounts")
    platform.plan["tenants"] = list(TENANTS)
    service = platform.plan["services"][0]
    service["python"] = [str(python)]
    folder = platform.root / "accounts"
    url = platform.server.url(service["database"], scheme="postgresql+psycopg2")
    alone = f"{service['database']}_alone"
    platform.server.query(f"CREATE DATABASE {alone}")
    its_url = platform.server.url(alone, scheme="postgresql+psycopg2")
    (folder / "alembic.ini").write_text(INI.format(location=history.location, url=its_url.replace("%", "%%")))
    variables = {history.variable: its_url} if history.variable else {}
    subprocess.run(
        [python.with_name("alembic"), "upgrade", "head"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **variables},
        check=True,
        capture_output=True,
    )
    variables = {history.variable: url} if history.variable else {}
    ended = platform.run("upgrade", ACCOUNTS_DATABASE_URL=url, **variables)
    assert (ended.code, ended.out.count(f"({history.first}, ")) == (0, 3), ended
    assert ended.out.count(f", {history.last})\n") == 3
    made = platform.server.query(COLUMNS.format("public"), alone)
    assert len(made) > 15
    for tenant in TENANTS:
        assert platform.query("accounts", COLUMNS.format(f"accounts_{tenant}")) == made
    assert platform.query("accounts", SCHEMAS) == [(f"accounts_{tenant}",) for tenant in TENANTS]
    again = platform.run("upgrade", ACCOUNTS_DATABASE_URL=url)
    assert (again.code, again.out.count("already up-to-date")) == (0, 3), again
