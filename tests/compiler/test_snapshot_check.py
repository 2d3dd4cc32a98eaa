"""For which services the workflow of a pull request checks the snapshot, and in which database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.compiler.project import copy_project, edit, gen

CHECK = ".github/workflows/elevaite-pull-request.yml"
STEP = "The snapshot is what the migrations make"
DRIFT = "migrations: {lock_timeout: 2s, verify: drift}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = copy_project(tmp_path)
    edit(folder / "environments/production.yaml", "migrations: {lock_timeout: 2s}", DRIFT)
    return folder


def _add(project: Path, environment: str, text: str) -> None:
    path = project / f"environments/{environment}.yaml"
    path.write_text(f"{path.read_text(encoding='utf-8')}{text}\n", encoding="utf-8")


def _jobs(project: Path) -> dict[str, Any]:
    gen(project)
    return dict(yaml.safe_load((project / CHECK).read_text(encoding="utf-8"))["jobs"])


def _checked(project: Path) -> list[str]:
    """Return the services whose job has the step."""
    jobs = _jobs(project).items()
    return [
        name.removeprefix("check-")
        for name, job in jobs
        if any(step["name"] == STEP for step in job["steps"])
    ]


def test_every_service_that_migrates(project: Path) -> None:
    assert _checked(project) == ["auth-api", "workflow-engine", "ingestion-service"]


def test_a_service_that_the_strict_environment_has_not_needs_no_snapshot(project: Path) -> None:
    _add(project, "production", "services: {ingestion-service: {enabled: false}}")
    edit(
        project / "environments/production.yaml",
        "service: ingestion-service, get: /health",
        "service: auth-api, get: /",
    )
    images = project / "environments/production.images.yaml"
    lines = images.read_text(encoding="utf-8").splitlines(keepends=True)
    images.write_text("".join(line for line in lines if "ingestion" not in line), encoding="utf-8")
    assert _checked(project) == ["auth-api", "workflow-engine"]
    _add(project, "local", "migrations: {verify: drift}")
    assert _checked(project) == ["auth-api", "workflow-engine", "ingestion-service"], "another one has it"


def test_a_service_that_no_local_environment_has_cannot_be_made_a_snapshot_of(project: Path) -> None:
    _add(project, "local", "services: {ingestion-service: {enabled: false}}")
    assert _checked(project) == ["auth-api", "workflow-engine"]
    (project / "environments/local.yaml").unlink()
    assert _checked(project) == []


def test_the_local_environment_may_have_another_name(project: Path) -> None:
    local = project / "environments/local.yaml"
    laptop = local.read_text(encoding="utf-8").replace(
        "environment: local", "environment: laptop\ntier: local"
    )
    local.unlink()
    (project / "environments/laptop.yaml").write_text(laptop, encoding="utf-8")
    (step,) = [step for step in _jobs(project)["check-auth-api"]["steps"] if step["name"] == STEP]
    assert step["env"]["PYTHONPATH"] == "out/laptop/runner"
    assert step["run"].count("--plan out/laptop/plan.json ") == 2


def test_the_snapshot_is_made_in_a_database_in_which_nothing_was_done(project: Path) -> None:
    """The others of the job's steps have one of their own, also where a service's is called as that is otherwise."""
    edit(project / "environments/platform.yaml", "database: elevaite_ingestion", "database: ci")
    for name, job in _jobs(project).items():
        if name.startswith("check-"):
            (step,) = [step for step in job["steps"] if step["name"] == STEP]
            ((variable, url),) = [item for item in step["env"].items() if item[0].endswith("_URL")]
            scratch = job["services"]["postgres"]["env"]["POSTGRES_DB"]
            assert job["env"][variable] == f"postgresql://postgres@127.0.0.1:5432/{scratch}"
            assert url != job["env"][variable]
            assert f"--dbname {scratch}" in job["services"]["postgres"]["options"]
            assert scratch == ("ci_2" if name == "check-ingestion-service" else "ci")
