"""The reference platform's migrations, checked by the scripts of its workflow on a real PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.github.workflow import REFERENCE, ROOT, Machine, Result, load
from tests.postgres import PASSWORD, Server, running

CHECK = load(REFERENCE / "elevaite-pull-request.yml")
SERVICES = ("auth-api", "workflow-engine", "ingestion-service")
IN_CI = "postgresql://postgres@127.0.0.1:5432/ci"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.mark.parametrize("service", SERVICES)
def test_every_step_passes_on_an_empty_database(service: str, server: Server, tmp_path: Path) -> None:
    database = f"ci_{service.replace('-', '_')}"
    server.query(f"CREATE DATABASE {database}")
    machine = Machine(tmp_path, checkout=ROOT)
    machine.program("uv", f'unset VIRTUAL_ENV; exec {ROOT}/.venv/bin/uv "$@"\n')
    job = CHECK["jobs"][f"check-{service}"]

    def run(step: dict) -> Result:
        # How this machine reaches its package index.
        ours = ("PATH", "VIRTUAL_ENV", "GITHUB_", "RUNNER_")
        around = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        env = {**around, **job["env"], **step.get("env", {})}
        here = {key: value.replace(IN_CI, server.url(database)) for key, value in env.items()}
        if "PGHOST" in here:
            here |= {"PGDATABASE": database, "PGPORT": str(server.port), "PGPASSWORD": PASSWORD}
        return machine.bash(step["run"], here, {}, timeout=300)

    steps = {step["name"]: step for step in job["steps"] if "run" in step}
    assert run(steps["Create the schemas"]).code == 0
    drift = run(steps["The migrations give what the models say"])
    assert drift.code != 0, "a database that lacks revisions passes the check"
    assert "not up to date" in drift.stderr
    for name in (
        "Migrate an empty database",
        "The migrations give what the models say",
        "Migrate down and up again",
    ):
        if name in steps:
            done = run(steps[name])
            assert done.code == 0, f"{name}: {done.stdout}{done.stderr}"
    schema = job["env"]["ALEMBIC_SCHEMA"]
    found = server.query("SELECT count(*) FROM pg_tables WHERE schemaname = %s", database, (schema,))
    assert found[0][0] > 1
