"""The workflow of a pull request: what is required, and what its steps run."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.github.workflow import EVERY_FIELD, REFERENCE, Machine, load

REFERENCE_CHECK = load(REFERENCE / "elevaite-pull-request.yml")
EVERY_FIELD_CHECK = load(EVERY_FIELD / "shop-pull-request.yml")
RESULTS = ("success", "failure", "cancelled", "skipped")


def _required(machine: Machine, results: dict[str, str]) -> tuple[int, str]:
    needs = json.dumps({job: {"result": result, "outputs": {}} for job, result in results.items()})
    done = machine.run(REFERENCE_CHECK, "required", "Every job succeeded", {"toJSON(needs)": needs})
    return done.code, done.stderr


@pytest.mark.parametrize("results", list(itertools.product(RESULTS, repeat=2)), ids="-".join)
def test_required_is_green_only_when_every_job_succeeded(results: tuple[str, str], machine: Machine) -> None:
    code, said = _required(
        machine, {"config": "success", **dict(zip(("check-a", "image-a"), results, strict=True))}
    )
    assert (code == 0) == (set(results) == {"success"})
    for job, result in zip(("check-a", "image-a"), results, strict=True):
        assert (f"{job}: {result}" in said) == (result != "success")


@pytest.mark.parametrize("workflow", [REFERENCE_CHECK, EVERY_FIELD_CHECK])
def test_required_needs_every_other_job_and_no_job_can_be_skipped(workflow) -> None:
    jobs = workflow["jobs"]
    assert set(jobs["required"]["needs"]) == set(jobs) - {"required"}
    assert jobs["required"]["if"] == "${{ always() }}"
    for name, job in jobs.items():
        if name != "required":
            assert "if" not in job
            assert "needs" not in job
            assert not any("if" in step or "continue-on-error" in step for step in job["steps"])
    assert workflow["on"] == {"pull_request": {}, "merge_group": {}}


def test_words_of_a_command_reach_it_as_they_were_written(machine: Machine) -> None:
    (machine.checkout / "apps/orders").mkdir(parents=True)
    machine.stand_in("ruff", ("", "", 0))
    done = machine.run(EVERY_FIELD_CHECK, "check-orders", "Lint")
    assert done.code == 0, done.stderr
    assert machine.calls("ruff") == [["check", 'it\'s a "path" $HOME']]


def test_migrations_run_in_the_service_s_environment_and_folder(machine: Machine) -> None:
    machine.stand_in("poetry", ("", "", 0))
    for step in (
        "Migrate an empty database",
        "The migrations give what the models say",
        "Migrate down and up again",
    ):
        assert machine.run(EVERY_FIELD_CHECK, "check-orders", step).code == 0
    start = [
        "--directory=apps/orders",
        "run",
        "env",
        "--chdir=apps/orders",
        "alembic",
        "-c",
        "db/alembic.ini",
    ]
    assert machine.calls("poetry") == [
        [*start, *words]
        for words in (["upgrade", "head"], ["check"], ["downgrade", "base"], ["upgrade", "head"])
    ]


def test_the_compiler_is_set_up_and_called_as_the_spec_says(machine: Machine) -> None:
    machine.stand_in("uv", ("", "", 0))
    for step in EVERY_FIELD_CHECK["jobs"]["config"]["steps"]:
        if "run" in step:
            assert machine.run(EVERY_FIELD_CHECK, "config", step["name"]).code == 0
    start = ["run", "--project", "tools", "gen"]
    assert machine.calls("uv") == [
        ["sync", "--project", "tools"],
        [*start, "--check"],
        [*start, "lint"],
        [*start, "migrations", "check"],
    ]


def test_schemas_are_made_before_the_migrations(machine: Machine) -> None:
    machine.stand_in("psql", ("", "", 0))
    assert machine.run(EVERY_FIELD_CHECK, "check-catalog", "Create the schemas").code == 0
    assert [call[-1] for call in machine.calls("psql")] == [
        'CREATE SCHEMA IF NOT EXISTS "public"',
        'CREATE SCHEMA IF NOT EXISTS "versions"',
    ]
    env = EVERY_FIELD_CHECK["jobs"]["check-orders"]["env"]
    assert env["ALEMBIC_SCHEMA"] == "orders_ci"
    assert env["SHOP_TENANTS"] == "ci"


def test_only_a_service_that_migrates_starts_a_postgresql() -> None:
    jobs = EVERY_FIELD_CHECK["jobs"]
    assert "services" not in jobs["check-website"]
    image = jobs["check-orders"]["services"]["postgres"]["image"]
    assert image.startswith("mirror.example.com/postgres:17@sha256:")


def test_no_image_is_pushed() -> None:
    for path in (REFERENCE, EVERY_FIELD):
        for workflow in map(load, Path(path).glob("*-pull-request.yml")):
            builds = [
                s
                for job in workflow["jobs"].values()
                for s in job["steps"]
                if "build-push" in s.get("uses", "")
            ]
            assert builds
            assert all(step["with"]["push"] is False and "tags" not in step["with"] for step in builds)
