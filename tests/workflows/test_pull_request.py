"""The check of a pull request, run whole: green, with drift, and with histories that do not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compiler.project import edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.workflows.place import Place

pytestmark = pytest.mark.minutes

SERVICES = ("auth-api", "workflow-engine", "ingestion-service")
JOBS = {"config", "required", *(f"{kind}-{name}" for kind in ("check", "image") for name in SERVICES)}
DRIFT = "Outputs are what the environments say"
LINT = "Outputs pass the linters of their readers"
HISTORY = "No two revisions share an id or a parent"


def _but(*failed: str) -> dict[str, str]:
    """Return the results of a run in which only these jobs fail."""
    return {name: "failure" if name in failed else "success" for name in JOBS}


def test_what_is_right_is_green(place: Callable[[str], Place]) -> None:
    here = place("green")
    run = here.pull_request()
    assert run.results == _but(), run.log
    assert run.code == 0
    for job in run.jobs.values():
        assert set(job.steps.values()) == {"success"}, "no step is left out"
    assert "0 findings: helm" in run.jobs["config"].said(LINT)
    assert "19 revisions, 0 mistakes" in run.jobs["config"].said(HISTORY)
    for service in SERVICES:
        check = run.jobs[f"check-{service}"]
        assert "Running upgrade  -> " in check.said("Migrate an empty database")
        assert "No new upgrade operations detected." in check.said("The migrations give what the models say")
        assert " passed in " in check.said("Test")
    builds = [call for call in here.recorded("actions") if call["action"] == "build-push"]
    assert len(builds) == len(SERVICES)
    assert not any(call["push"] for call in builds)
    assert {call["persist"] for call in here.recorded("actions") if call["action"] == "checkout"} == {"false"}
    assert here.told() == []


def test_drift_and_a_job_that_is_skipped_are_red_and_named(place: Callable[[str], Place]) -> None:
    here = place("drift")
    edit(here.clone / "environments/staging.yaml", "iopex]", "iopex, acme]")
    workflow = here.clone / ".github/workflows/elevaite-pull-request.yml"
    edit(workflow, '    name: "Image of auth-api"\n', '    name: "Image of auth-api"\n    if: ${{ false }}\n')
    run = here.pull_request()
    assert run.results == {**_but("config", "required"), "image-auth-api": "skipped"}, run.log
    assert run.code == 1
    config = run.jobs["config"]
    assert (config.steps[DRIFT], config.steps[LINT], config.steps[HISTORY]) == (
        "failure",
        "skipped",
        "skipped",
    )
    said = config.said(DRIFT)
    for path in ("out/staging/plan.json", ".github/workflows/elevaite-pull-request.yml"):
        assert path in said
    assert "acme" in said
    lines = run.jobs["required"].said("Every job succeeded").splitlines()
    assert sorted(lines) == ["config: failure", "image-auth-api: skipped"]


def test_histories_that_do_not_hold_are_red_with_both_files(place: Callable[[str], Place]) -> None:
    here = place("histories")
    head = here.head("auth_api")
    heads = [here.add_revision("auth_api", f"0123456789a{n}", f"branch_{n}", head) for n in (1, 2)]
    head = here.head("ingestion_service")
    same = [here.add_revision("ingestion_service", "0123456789ab", f"same_{n}", head) for n in (1, 2)]
    models = here.clone / "python_apps/workflow_engine/workflow_engine/models.py"
    edit(models, "    name: str = Field", "    nickname: str | None = None\n    name: str = Field")
    run = here.pull_request()
    failed = {"config", "required", *(f"check-{name}" for name in SERVICES)}
    assert run.results == _but(*failed), run.log
    said = run.jobs["config"].said(HISTORY)
    for path in heads + same:
        assert path in said
    model = run.jobs["check-workflow-engine"]
    step = "The migrations give what the models say"
    assert model.steps[step] == "failure"
    assert "New upgrade operations detected" in model.said(step)
    assert "nickname" in model.said(step)
    lines = run.jobs["required"].said("Every job succeeded").splitlines()
    assert sorted(lines) == sorted(f"{name}: failure" for name in failed - {"required"})
