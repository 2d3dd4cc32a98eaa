"""Turns a number of tenants into a sample service with three revisions, its plan, and the ways others migrate it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genmigrate.plan import Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.postgres import Server

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "bench"
HEAD = "b3"
INI = """[alembic]
script_location = %(here)s/migrations
prepend_sys_path = .
path_separator = os
"""
ENV = '''"""The convention: ALEMBIC_SCHEMA and a URL."""

import os

import sqlalchemy as sa
from alembic import context

schema = os.environ["ALEMBIC_SCHEMA"]
url = sa.make_url(os.environ["BENCH_DATABASE_URL"]).set(drivername="postgresql+psycopg")


def run_offline() -> None:
    context.configure(url=url, literal_binds=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.execute(f'SET search_path TO "{schema}"')
        context.run_migrations()


def run_online() -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f'SET search_path TO "{schema}"'))
        connection.commit()
        connection.dialect.default_schema_name = schema
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


run_offline() if context.is_offline_mode() else run_online()
'''
REVISION = '''"""{slug}"""

import sqlalchemy as sa
from alembic import op

revision = "{id}"
down_revision = {parent!r}


def upgrade() -> None:
    {body}
'''
TABLE = """op.create_table(
        "{name}",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
    )
    op.create_index("{name}_email", "{name}", ["email"])"""
#: A table with a sequence and an index each: 14 relations in a schema, Alembic's own among them.
REVISIONS = (
    ("b1", None, "create_things", TABLE.format(name="things")),
    ("b2", "b1", "create_parts", TABLE.format(name="parts")),
    (HEAD, "b2", "create_owners", TABLE.format(name="owners")),
)
#: What a team writes that has read Alembic's cookbook: one process, every schema, the same env.py.
LOOP = """
import os, sys
from alembic import command
from alembic.config import Config
from psycopg import connect

schemas = open(sys.argv[1]).read().split()
with connect(os.environ["BENCH_DATABASE_URL"], autocommit=True) as session:
    for schema in schemas:
        session.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
config = Config("alembic.ini")
for schema in schemas:
    os.environ["ALEMBIC_SCHEMA"] = schema
    command.upgrade(config, "head")
"""
#: What a team writes first.
SHELL = """
import os, subprocess, sys
from psycopg import connect

schemas = open(sys.argv[1]).read().split()
with connect(os.environ["BENCH_DATABASE_URL"], autocommit=True) as session:
    for schema in schemas:
        session.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
for schema in schemas:
    subprocess.run([sys.argv[2], "upgrade", "head"], env={**os.environ, "ALEMBIC_SCHEMA": schema}, check=True)
"""
#: The least that tells whether there is anything to do: connect, read the version tables in chunks, compare.
LOOK = """
import os, sys
from psycopg import connect

schemas = open(sys.argv[1]).read().split()
with connect(os.environ["BENCH_DATABASE_URL"], autocommit=True) as session:
    for start in range(0, len(schemas), 100):
        parts = [
            f'SELECT {place}, version_num FROM "{schema}".alembic_version'
            for place, schema in enumerate(schemas[start : start + 100])
        ]
        for place, version in session.execute(" UNION ALL ".join(parts)):
            assert version == sys.argv[2], (schemas[start + place], version)
"""


@dataclass
class Service:
    """A sample service in a folder of its own, and a database on a private server."""

    folder: Path
    server: Server
    tenants: Sequence[str]
    runner: Path = ROOT

    @property
    def schemas(self) -> list[str]:
        """The schema of each tenant."""
        return [f"bench_{tenant}" for tenant in self.tenants]

    @property
    def variables(self) -> dict[str, str]:
        """What the measured processes are told."""
        return {"BENCH_DATABASE_URL": self.server.url(DATABASE), "PYTHONPATH": str(self.runner)}

    def write(self) -> None:
        """Write the service, its plans and the scripts of the others."""
        versions = self.folder / "migrations/versions"
        versions.mkdir(parents=True)
        (self.folder / "alembic.ini").write_text(INI, "utf-8")
        (self.folder / "migrations/env.py").write_text(ENV, "utf-8")
        for revision in REVISIONS:
            self.add(*revision)
        for name, text in (("loop", LOOP), ("shell", SHELL), ("look", LOOK)):
            (self.folder / f"{name}.py").write_text(text, "utf-8")
        (self.folder / "schemas").write_text("\n".join(self.schemas), "utf-8")

    def add(self, revision: str, parent: str | None, slug: str, body: str) -> None:
        """Add a revision file."""
        text = REVISION.format(slug=slug, id=revision, parent=parent, body=body)
        (self.folder / f"migrations/versions/{revision}_{slug}.py").write_text(text, "utf-8")

    def plan(self, skip_env: bool = False, **policy: Any) -> Path:
        """Write a plan whose policy has these values, and the runner's own otherwise."""
        service = {
            "name": DATABASE,
            "path": ".",
            "python": [sys.executable],
            "schema": "bench_{tenant}",
            "database": DATABASE,
            "url_env": "BENCH_DATABASE_URL",
            "config": "alembic.ini",
            "version_table": "alembic_version",
        }
        document: dict[str, Any] = {
            "version": 1,
            "platform": "sample",
            "environment": "bench",
            "tenants": list(self.tenants),
            "tenants_env": "BENCH_TENANTS",
            "create_databases": True,
            "session": {"lock_timeout_ms": 2000, "statement_timeout_ms": 60000},
            "services": [service | ({"skip_env": True} if skip_env else {})],
        }
        name = "-".join([*(f"{key}-{value}" for key, value in policy.items()), "skip" if skip_env else "env"])
        file = self.folder / f"plan-{name}.json"
        document["policy"] = Policy(**policy)._asdict()
        file.write_text(json.dumps(document), "utf-8")
        return file

    def ours(self, plan: Path, workers: str = "here", command: str = "upgrade") -> list[str]:
        """The runner's command line."""
        return [
            *(sys.executable, "-m", "genmigrate", command, "--plan", str(plan)),
            *("--root", str(self.folder), "--workers", workers, "--timeout", "60"),
        ]

    def script(self, name: str, *more: str) -> list[str]:
        """The command line of a script of the others."""
        return [sys.executable, f"{name}.py", "schemas", *more]

    def sql(self) -> Path:
        """Let Alembic render the revisions once, and spell them for every schema: psql's input."""
        done = subprocess.run(
            [Path(sys.executable).with_name("alembic"), "upgrade", "head", "--sql"],
            cwd=self.folder,
            env={**os.environ, **self.variables, "ALEMBIC_SCHEMA": "SCHEMA"},
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        one = f'CREATE SCHEMA IF NOT EXISTS "SCHEMA";\n{done.stdout}'
        if len(re.findall("^COMMIT;", one, re.MULTILINE)) <= len(REVISIONS) - 1:
            sys.exit("bench: Alembic renders no transaction for each revision")
        file = self.folder / "all.sql"
        spelt = [one.replace('"SCHEMA"', f'"{schema}"') for schema in self.schemas]
        file.write_text("\n".join(spelt), "utf-8")
        return file

    def psql(self, file: Path) -> list[str]:
        """The command line of psql."""
        return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file), self.server.url(DATABASE)]

    def empty(self) -> None:
        """Make the database anew."""
        self.server.query(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self.server.query(f"CREATE DATABASE {DATABASE}")
