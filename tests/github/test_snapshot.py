"""The check of a committed snapshot: the workflow's own steps, the compiled runner, and a real PostgreSQL."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compiler.project import gen
from tests.github.workflow import ROOT, Machine, Result, load
from tests.postgres import PASSWORD, Server, running

PLATFORM = """\
platform: shop
registry: ghcr.io/acme/shop
repository: https://github.com/acme/shop
tool: bin/gen
tenants_env: SHOP_TENANTS
tenants: [default, to-shiba]
postgres: {version: 16, image: "postgres:16@sha256:95206741a5b214807675e14165369d05b93a9cf692223b616d07cca227e74b0b"}
migrations: {verify: drift}
services:
  accounts:
    path: apps/accounts
    port: 8001
    health: /health
    database: accounts
    run: [env]
    dev: [python, -m, accounts]
    migrations: {schema: "accounts_{tenant}", url_env: ACCOUNTS_DATABASE_URL}
"""
STEP = "The snapshot is what the migrations make"
RENEW = (
    "    → renew it, and commit it: "
    "bin/gen migrate upgrade --service accounts && bin/gen migrate snapshot --service accounts"
)
FILE = "apps/accounts/migrations/schema.json"


class Repository:
    """A repository whose pull requests are checked; each run of its job meets an empty PostgreSQL."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.machine, self.server = Machine(folder), server
        self.root = self.machine.checkout
        service = self.root / "apps/accounts"
        shutil.copytree(ROOT / "tests/runner/samples/accounts", service)
        (self.root / "environments").mkdir()
        (self.root / "environments/platform.yaml").write_text(PLATFORM, encoding="utf-8")
        (self.root / "environments/local.yaml").write_text("environment: local\n", encoding="utf-8")
        gen(self.root)
        self.job = load(self.root / ".github/workflows/shop-pull-request.yml")["jobs"]["check-accounts"]
        self.file = self.root / FILE
        for program in ("python", "python3"):
            self.machine.program(program, f'exec {sys.executable} "$@"\n')
        self.machine.program("alembic", f'exec {sys.executable} -m alembic "$@"\n')

    def check(self) -> Result:
        """Run the job's steps in their order up to the one that checks the snapshot; return how that ended."""
        scratch = self.job["services"]["postgres"]["env"]["POSTGRES_DB"]
        for database in ("accounts", scratch):
            self.server.query(f"DROP DATABASE IF EXISTS {database}")
        self.server.query(f"CREATE DATABASE {scratch}")
        for step in self.job["steps"]:
            # The sample's models are those of another test.
            if "run" in step and step["name"] != "The migrations give what the models say":
                done = self.run(step["run"], step.get("env", {}))
                if step["name"] == STEP:
                    return done
                assert done.code == 0, f"{step['name']}: {done.stdout}{done.stderr}"
        raise AssertionError("no step checks the snapshot")

    def run(self, script: str, env: dict[str, str]) -> Result:
        """Run a script with the server of this test in the place of the container."""
        here = {key: str(value) for key, value in {**self.job["env"], **env}.items()}
        for key, value in here.items():
            address, found, database = value.partition("127.0.0.1:5432/")
            here[key] = self.server.url(database) if found and address == "postgresql://postgres@" else value
        if "PGHOST" in here:
            here |= {"PGPORT": str(self.server.port), "PGPASSWORD": PASSWORD}
        return self.machine.bash(script, here, {}, timeout=120)

    def renew(self) -> None:
        """Make the snapshot as a developer does, in the database that is there."""
        (step,) = [step for step in self.job["steps"] if step["name"] == STEP]
        script = step["run"].partition(" --check")[0]
        done = self.run(script, step["env"])
        assert done.code == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def repository(tmp_path: Path, server: Server) -> Repository:
    return Repository(tmp_path, server)


def test_a_snapshot_that_is_missing_made_and_out_of_date(repository: Repository, server: Server) -> None:
    done = repository.check()
    missing = f"  ✗ accounts usage: no snapshot of the schema in {FILE}: No such file or directory"
    assert (done.code, done.stdout.splitlines()[-2:]) == (2, [missing, RENEW])
    assert not repository.file.exists()

    repository.renew()
    done = repository.check()
    assert (done.code, done.stdout.splitlines()[-1]) == (
        0,
        "  ✓ accounts snapshot is what the migrations make: 5 objects at add_email",
    )

    versions = repository.root / "apps/accounts/migrations/versions"
    text = (versions / "a2_add_email.py").read_text(encoding="utf-8")
    text = text.replace('"a2"', '"a3"').replace('"a1"', '"a2"').replace("email", "phone")
    (versions / "a3_add_phone.py").write_text(text, encoding="utf-8")
    kept = repository.file.read_bytes()
    done = repository.check()
    assert (done.code, done.stdout.splitlines()[-4:]) == (
        1,
        [
            f"  ✗ accounts drifted: the snapshot {FILE} is not what the migrations make",
            "    → it is of revision a2, the migrations are at a3",
            "    → table accounts: column phone is missing",
            RENEW,
        ],
    )
    assert repository.file.read_bytes() == kept, "a check writes nothing"
    for secret in (PASSWORD, server.url("accounts")):
        assert secret not in done.stdout + done.stderr
    repository.renew()
    assert repository.check().code == 0


def test_it_does_not_matter_where_and_under_which_settings_it_was_made(
    repository: Repository, server: Server
) -> None:
    """A developer's server has the time zone of its machine, a container's has UTC."""
    versions = repository.root / "apps/accounts/migrations/versions"
    revision = versions / "a2_add_email.py"
    text = revision.read_text(encoding="utf-8")
    assert text.count("def upgrade() -> None:\n") == 1
    column = """    op.execute("ALTER TABLE accounts ADD at timestamptz DEFAULT '2020-01-01 00:00+00'")\n"""
    revision.write_text(
        text.replace("def upgrade() -> None:\n", f"def upgrade() -> None:\n{column}"), encoding="utf-8"
    )
    assert repository.check().code == 2
    try:
        server.query("ALTER ROLE postgres SET timezone = 'Asia/Kolkata'")
        repository.renew()
        assert (
            "00:00:00+00"
            in json.loads(repository.file.read_text("utf-8"))["objects"]["table accounts: column at"]
        )
    finally:
        server.query("ALTER ROLE postgres RESET timezone")
    assert repository.check().code == 0
