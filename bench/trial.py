"""Turns a seed into one trial: a sample service with its own database, runners over it, and what must be true after."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from bench.run import MissedError, Run, must
from bench.service import INI, ROOT
from genmigrate.plan import Policy

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.postgres import Server

ENV = """
import os

import sqlalchemy as sa
from alembic import context

schema = os.environ["ALEMBIC_SCHEMA"]
engine = sa.create_engine(os.environ["SOAK_DATABASE_URL"], poolclass=sa.NullPool)
with engine.connect() as connection:
    connection.execute(sa.text(f'SET search_path TO "{schema}"'))
    connection.commit()
    connection.dialect.default_schema_name = schema
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """import sqlalchemy as sa
from alembic import op

revision = "{id}"
down_revision = {parent!r}


def upgrade() -> None:
    {body}
"""
SLEEPING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = %s AND state = 'active' AND query LIKE '%%pg_sleep%%'"
)
LOCKS = (
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
    "WHERE locktype = 'advisory' AND datname = %s"
)
_numbers = count(1)


class Trial:
    """One round: random tenants, policy, driver and pace; a history whose revisions can be counted."""

    def __init__(self, server: Server, folder: Path, rng: random.Random, runner: Path = ROOT) -> None:
        self.server, self.folder, self.rng, self.runner = server, folder, rng, runner
        self.mark = f"{os.getpid()}-{next(_numbers)}"
        self.database = f"soak_{self.mark.replace('-', '_')}"
        self.schemas = [f"soak_t{number}" for number in range(rng.randint(2, 10))]
        self.policy: dict[str, Any] = {"parallelism": rng.randint(1, 4)}
        self.skip_env = rng.random() < 0.5
        self.session = {"lock_timeout_ms": 1500, "statement_timeout_ms": 30000}
        self.workers = rng.choice(("spawn", "here"))
        self.url = server.url(self.database, scheme=f"postgresql+{rng.choice(('psycopg', 'psycopg2'))}")
        self.chain: list[str] = []
        self.makes: dict[str, str] = {}
        self.pace = rng.uniform(0.02, 0.25)
        self.notes: list[str] = []
        self.runs: list[Run] = []
        self._born = time.monotonic()
        (folder / "migrations/versions").mkdir(parents=True)
        (folder / "alembic.ini").write_text(INI, "utf-8")
        (folder / "migrations/env.py").write_text(ENV, "utf-8")
        server.query(f"CREATE DATABASE {self.database}")
        for table in ("log", "people", "", "things"):
            self.add(table)
        self.note(
            f"{len(self.schemas)} schemas, {self.policy}, skip_env {self.skip_env}, {self.url.split(':')[0]}"
        )

    def note(self, text: str) -> None:
        """Take note of what happens, for the transcript."""
        self.notes.append(f"{time.monotonic() - self._born:7.2f} s  {text}")

    def add(self, table: str = "", body: str = "", logs: bool = True) -> str:
        """Add a revision that makes a table (or none), is as slow as this trial's pace, and counts itself."""
        revision = f"r{len(self.chain) + 1}"
        lines = []
        if table:
            lines.append(f'op.execute("CREATE TABLE {table} (revision text, other text)")')
        if logs:  # by a plain statement: where env.py is skipped, it is sent to later schemas as it was
            lines.append(
                f"op.execute(\"INSERT INTO log SELECT '{revision}' FROM pg_sleep({self.pace:.3f})\")"
            )
        else:
            lines.append(f'op.execute("SELECT pg_sleep({self.pace:.3f})")')
        lines += body.splitlines()
        text = REVISION.format(
            id=revision, parent=self.chain[-1] if self.chain else None, body="\n    ".join(lines)
        )
        self.file(revision).write_text(text, "utf-8")
        self.chain.append(revision)
        self.makes[revision] = table
        return revision

    def file(self, revision: str) -> Path:
        """A revision's file."""
        return self.folder / f"migrations/versions/{revision}_step_{revision}.py"

    def plan(self) -> dict[str, Any]:
        """The plan as it is now."""
        service = {
            "name": "soak",
            "path": ".",
            "python": [sys.executable],
            "schema": "soak_{tenant}",
            "database": self.database,
            "url_env": "SOAK_DATABASE_URL",
            "config": "alembic.ini",
            "version_table": "alembic_version",
            "skip_env": self.skip_env,
        }
        return {
            "version": 1,
            "platform": "soak",
            "environment": "test",
            "tenants": [schema.removeprefix("soak_") for schema in self.schemas],
            "tenants_env": "SOAK_TENANTS",
            "create_databases": False,
            "session": self.session,
            "policy": Policy(**self.policy)._asdict(),
            "services": [service],
        }

    def start(self, *more: str) -> Run:
        """Start `upgrade`."""
        number = len(self.runs)
        file, output = self.folder / f"plan-{number}.json", self.folder / f"run-{number}.txt"
        file.write_text(json.dumps(self.plan()), "utf-8")
        command = [
            sys.executable,
            "-m",
            "genmigrate",
            "upgrade",
            "--plan",
            str(file),
            "--root",
            str(self.folder),
        ]
        variables = {"SOAK_DATABASE_URL": self.url, "PYTHONPATH": str(self.runner), "SOAK_TRIAL": self.mark}
        variables["TMPDIR"] = str(self.folder)  # a killed driver leaves its folder there
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [*command, "--workers", self.workers, "--timeout", "45", *more],
                cwd=self.folder,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        self.note(f"run {number} is pid {process.pid}")
        self.runs.append(Run(process, output))
        return self.runs[-1]

    def processes(self, role: str = "") -> list[int]:
        """The processes of this trial's runs, also those whose parents are dead; `role` is worker or hand."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"SOAK_TRIAL={self.mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    if b"genmigrate" in words and (not role or role.encode() in words):
                        found.append(int(entry.name))
        return found

    def somewhere_in(self, run: Run) -> None:
        """Wait for a random moment of a run: at any time, or while a revision is being executed."""
        if self.rng.random() < 0.5:
            time.sleep(self.rng.uniform(0.05, 1 + len(self.schemas) * len(self.chain) * self.pace))
        else:
            for _ in range(self.rng.randint(1, 4)):
                self.until(lambda: not run.running() or bool(self.sleeping()))
                time.sleep(self.rng.uniform(0, self.pace * 1.5))
        if not run.running():
            raise MissedError("the run was over")

    def sleeping(self) -> list[int]:
        """The server's processes that are inside of a revision."""
        return [pid for (pid,) in self.server.query(SLEEPING, parameters=[self.database])]

    def until(
        self, condition: Callable[[], bool], seconds: float = 30, words: str = "it comes to that"
    ) -> None:
        """Wait for something that must come true."""
        give_up = time.monotonic() + seconds
        while not condition():
            must(time.monotonic() < give_up, f"{words}, within {seconds:.0f} s")
            time.sleep(0.03)

    def versions(self) -> dict[str, str | None]:
        """The revision of each schema, when no run is at work; None for nothing yet."""
        with psycopg.connect(self.server.url(self.database)) as session:
            return {schema: _version(session, schema) for schema in self.schemas}

    def logged(self, schema: str) -> list[str]:
        """What the revisions of a schema counted, in order."""
        rows = self.server.query(f"SELECT revision FROM {schema}.log ORDER BY ctid", self.database)
        return [revision for (revision,) in rows]

    def whole(self) -> dict[str, str | None]:
        """Every schema is at a whole revision: what the revisions make is there as far as the version says.

        All is read in one snapshot, for a run may be at work.
        """
        with psycopg.connect(self.server.url(self.database)) as session:
            session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            versions = {schema: self._whole(session, schema) for schema in self.schemas}
        self.note(f"whole: {versions}")
        return versions

    def _whole(self, session: psycopg.Connection, schema: str) -> str | None:
        tables = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'"
        there = {name for (name,) in session.execute(tables, [schema])}
        version = _version(session, schema) if "alembic_version" in there else None
        done = self.chain[: self.chain.index(version) + 1] if version else []
        wanted = {self.makes[each] for each in done} - {""}
        made = there - {"alembic_version"}
        must(made == wanted, f"{schema} at {version} has the tables {wanted}", made)
        log = f"SELECT revision FROM {schema}.log ORDER BY ctid".encode()
        rows = [revision for (revision,) in session.execute(log)] if done else []
        must(rows == done, f"{schema} at {version} ran {done} once each", rows)
        return version

    def no_lock_is_left(self) -> None:
        """Within 3 s of the end of everything that holds one."""
        self.until(
            lambda: self.server.query(LOCKS, parameters=[self.database]) == [(0,)],
            3,
            "no advisory lock is left",
        )

    def nobody_is_left(self, seconds: float) -> None:
        """No process of an ended run lives on."""
        self.until(lambda: not self.processes(), seconds, "no process of the run is left")

    def finish(self) -> None:
        """A run of today's code over what is there: it applies exactly what is missing, and all is at the head."""
        before = self.whole()
        run = self.start()
        code = run.end()
        must(code == 0, "the next run ends with 0", code)
        for schema, version in before.items():
            missing = self.chain[self.chain.index(version) + 1 :] if version else self.chain
            line = (
                f"  ✓ Applied new migrations to {schema} ({', '.join(f'step_{each}' for each in missing)})\n"
            )
            wanted = line if missing else f"  ✓ {schema} already up-to-date\n"
            must(wanted in run.said, f"the next run says: {wanted.strip()}")
        self.at_head()

    def at_head(self) -> None:
        """Every schema is at the head, whole, and nothing holds it."""
        versions = self.whole()
        must(set(versions.values()) == {self.chain[-1]}, "every schema is at the head", versions)
        self.no_lock_is_left()

    def end(self) -> None:
        """Leave nothing behind but the folder."""
        for pid in {*self.processes(), *(run.process.pid for run in self.runs if run.running())}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for run in self.runs:
            run.process.wait()
        self.server.query(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")

    def transcript(self) -> str:
        """Everything that a person needs to understand what happened."""
        parts = [*self.notes]
        for number, run in enumerate(self.runs):
            parts += [f"--- run {number}, exit code {run.process.poll()}", run.said]
        with suppress(Exception):
            parts += ["--- schemas", json.dumps(self.versions(), indent=1)]
        return "\n".join(parts)


def _version(session: psycopg.Connection, schema: str) -> str | None:
    there = session.execute("SELECT to_regclass(%s)", [f"{schema}.alembic_version"]).fetchone()
    if there == (None,):
        return None
    rows = session.execute(f"SELECT version_num FROM {schema}.alembic_version".encode()).fetchall()
    return rows[0][0] if rows else None
