"""A private PostgreSQL, and sample services in a fresh folder with databases of their own for each test."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.postgres import Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
SAMPLES = Path(__file__).parent / "samples"
SERVICES = {"accounts": "accounts_{tenant}", "flows": "flows_{tenant}", "intake": "public"}
REVISION = '''"""{slug}"""

import sqlalchemy as sa
from alembic import context, op

revision = "{id}"
down_revision = {parent!r}


def upgrade() -> None:
    {body}
'''
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@dataclass
class Ended:
    """How a runner's process ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Platform:
    """Sample services below `root`, and a plan for them."""

    root: Path
    server: Server
    plan: dict[str, Any]
    environ: dict[str, str]
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def plan_file(self) -> Path:
        file = self.root / "plan.json"
        text = json.dumps(self.plan)
        if not file.exists() or file.read_text() != text:  # another process may be reading it
            file.write_text(text)
        return file

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "genmigrate", *arguments]

    def run(self, *arguments: str, **environ: str) -> Ended:
        """Run a command of the driver to its end, from a folder that is not the repository's root."""
        process = self.start(*arguments, **environ)
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err)

    def start(self, command: str, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start a driver or a worker and leave it running."""
        root = () if command == "worker" else ("--root", str(self.root))
        process = subprocess.Popen(
            self.command(command, "--plan", str(self.plan_file), *root, *arguments),
            env={**self.environ, **environ},
            cwd=self.root.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.processes.append(process)
        return process

    def worker(self, service: str, exchange: Path, *more: str) -> subprocess.Popen[str]:
        """Start a worker as a container would: its own process, the URL in its environment."""
        arguments = ("--exchange", str(exchange), "--service", service, "--path", str(self.root / service))
        return self.start("worker", *arguments, *more, **self.urls())

    def urls(self) -> dict[str, str]:
        return {s["url_env"]: self.server.url(s["database"]) for s in self.plan["services"]}

    def service(self, name: str) -> dict[str, Any]:
        (found,) = [service for service in self.plan["services"] if service["name"] == name]
        return dict(found)

    def only(self, *names: str) -> None:
        self.plan["services"] = [self.service(name) for name in names]

    def add(self, service: str, revision: str, parent: Any, slug: str, body: str = "pass") -> Path:
        """Add a revision file to a service."""
        file = self.root / service / "migrations" / "versions" / f"{revision}_{slug}.py"
        body = body.replace("\n", "\n    ")
        file.write_text(REVISION.format(id=revision, parent=parent, slug=slug, body=body))
        return file

    def query(self, service: str, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement in a service's database."""
        return self.server.query(statement, self.service(service)["database"])

    def version(self, schema: str) -> str:
        service = "intake" if schema == "public" else schema.partition("_")[0]
        return ",".join(
            row[0] for row in self.query(service, f"SELECT version_num FROM {schema}.alembic_version")
        )

    def policy(self, **changes: Any) -> None:
        """Let the plan state its policy; what is not named is strict."""
        strict = {"parallelism": 1, "canary": [], "max_failed_tenants": 0, "lock_retries": 0}
        self.plan["policy"] = {**strict, "verify": "version", "max_downgrade": 0, **changes}

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


def sample_platform(server: Server, tmp_path: Path) -> Platform:
    """Three services (psycopg, psycopg2, one shared schema), two tenants, nothing in PostgreSQL yet."""
    root = tmp_path / "platform"
    shutil.copytree(SAMPLES, root, ignore=shutil.ignore_patterns("__pycache__"))
    number = next(_numbers)
    services = [
        {
            "name": name,
            "path": name,
            "python": [sys.executable],
            "schema": schema,
            "database": f"{name}_{number}",
            "url_env": f"{name.upper()}_DATABASE_URL",
            "config": "alembic.ini",
            "version_table": "alembic_version",
        }
        for name, schema in SERVICES.items()
    ]
    plan = {
        "version": 1,
        "platform": "sample",
        "environment": "local",
        "tenants": ["default", "to-shiba"],
        "tenants_env": "SAMPLE_TENANTS",
        "create_databases": True,
        "session": {"lock_timeout_ms": 1500, "statement_timeout_ms": 45000},
        "policy": {
            "parallelism": 2,
            "canary": [],
            "max_failed_tenants": 0,
            "lock_retries": 1,
            "verify": "version",
            "max_downgrade": None,
        },
        "services": services,
    }
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    environ = {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONUTF8": "1", "TMPDIR": str(tmp_path)}
    made = Platform(root, server, plan, environ)
    (root / ".env").write_text("".join(f"{key}='{url}'\n" for key, url in made.urls().items()))
    return made


@pytest.fixture
def platform(server: Server, tmp_path: Path) -> Iterator[Platform]:
    made = sample_platform(server, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def exchange(tmp_path: Path) -> Path:
    folder = tmp_path / "exchange"
    folder.mkdir()
    return folder
