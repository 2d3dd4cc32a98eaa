"""Deployments of staging by Helm, run whole: the story of one environment, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compiler.project import edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.workflows.place import Place

pytestmark = pytest.mark.minutes

WORKFLOW = "elevaite-deploy-staging.yml"
SERVICES = ("auth-api", "workflow-engine", "ingestion-service")
BUILD = "Build and push"
COMMANDS = "Print the commands for a person"
LINK = "<https://github.com/iopexses/elevaite/actions/runs/1|the run>"
FAILING = """if op.get_bind().exec_driver_sql("SELECT current_schema()").scalar() == "auth_toshiba":
        op.execute("ALTER TABLE avatars ADD COLUMN size integer")"""


@pytest.fixture(scope="module")
def staging(place: Callable[[str], Place]) -> Place:
    return place("staging")


def _commit(here: Place) -> str:
    """Return the commit of the last run, as people are told it."""
    return next(call["commit"] for call in here.recorded("actions") if call["action"] == "checkout")[:7]


def test_a_merge_is_built_migrated_rolled_out_tested_and_told(staging: Place) -> None:
    run = staging.push("develop", WORKFLOW)
    assert set(run.results.values()) == {"success"}, run.log
    assert run.code == 0
    images = staging.serving()
    assert set(images) == {f"elevaite-{name}" for name in SERVICES}
    pushed = {call["tags"] for call in staging.recorded("actions") if call.get("push")}
    for name in SERVICES:
        image, _, digest = images[f"elevaite-{name}"].partition("@")
        (tag,) = [tag for tag in pushed if tag.startswith(f"{image}:in-")]
        assert (staging.state / "registry" / tag.replace("/", "%")).read_text(encoding="utf-8") == digest
        assert f"{name}={digest}" in run.jobs["promote"].said(COMMANDS).split()
    assert set(run.jobs["deploy"].steps.values()) == {"success", "skipped"}
    assert run.jobs["deploy"].steps["Find the reason"] == "skipped"
    assert [words[0] for words in staging.calls("helm")] == ["list", "upgrade"]
    assert run.jobs["deploy"].said("Run the smoke tests") == "login is up: 200\n"
    (text,) = staging.told()
    assert text.split("\n") == [
        f":white_check_mark: *elevaite staging* runs {_commit(staging)} for default,toshiba,iopex",
        "to bring it to production a person runs the commands in this run's summary",
        LINK,
    ]


def test_a_failed_migration_stops_everything_and_is_told_with_tenant_revision_and_reason(
    staging: Place,
) -> None:
    before = staging.serving()
    parent = staging.head("auth_api")
    revision = staging.add_revision("auth_api", "0123456789ab", "add_avatar", parent, FAILING)
    run = staging.push("develop", WORKFLOW, fail=True, log=staging.migrate("staging", 1))
    assert run.code == 1
    assert run.results == {
        **{f"build-{name}": "success" for name in SERVICES},
        "deploy": "failure",
        "promote": "skipped",
        "notify": "success",
    }, run.log
    built = {name for name in SERVICES if run.jobs[f"build-{name}"].steps[BUILD] == "success"}
    assert built == {"auth-api"}, "the same folder gives the same image"
    ran = {name: result for name, result in run.jobs["deploy"].steps.items() if result != "success"}
    assert ran == {
        "Migrate and upgrade": "failure",
        "Await the rollout": "skipped",
        "Run the smoke tests": "skipped",
    }
    assert staging.serving() == before
    (text,) = staging.told()
    first, second, *reason, link = text.split("\n")
    assert first == f":x: *elevaite staging* could not be brought to {_commit(staging)}"
    assert (second, link) == ("deploy: failure", LINK)
    assert reason[0] == (
        '```  ✗ auth_toshiba failed at add_avatar: relation "avatars" does not exist (SQLSTATE 42P01)'
    )
    assert reason[1] == f"    → {revision.removeprefix('python_apps/auth_api/')} line 13"
    assert reason[2].startswith("    → auth_toshiba is at ")
    assert reason[-1].endswith("```")


def test_an_image_that_cannot_be_built_leaves_the_cluster_alone(staging: Place) -> None:
    dockerfile = staging.clone / "python_apps/auth_api/Dockerfile"
    edit(dockerfile, "\nCMD ", "\nCOPY nowhere.txt .\nCMD ")
    run = staging.push("develop", WORKFLOW)
    edit(dockerfile, "\nCOPY nowhere.txt .\n", "\n")
    assert run.code == 1
    assert run.results == {
        **{f"build-{name}": "success" for name in SERVICES},
        "build-auth-api": "failure",
        "deploy": "skipped",
        "promote": "skipped",
        "notify": "success",
    }, run.log
    assert staging.calls("helm") == staging.calls("kubectl") == []
    (text,) = staging.told()
    assert text.split("\n") == [
        f":x: *elevaite staging* could not be brought to {_commit(staging)}",
        "build-auth-api: failure",
        LINK,
    ]


def test_a_smoke_test_that_fails_is_told_and_nothing_is_promoted(staging: Place) -> None:
    run = staging.push("develop", WORKFLOW, crash="elevaite-auth-api")
    assert run.code == 1
    assert (run.results["deploy"], run.results["promote"]) == ("failure", "skipped"), run.log
    assert [words[0] for words in staging.calls("helm")] == ["list", "upgrade"]
    (text,) = staging.told()
    assert text.split("\n") == [
        f":warning: *elevaite staging* runs {_commit(staging)}, but not all went well",
        "deploy: failure",
        '```Smoke test "login is up": GET /api/health of elevaite-auth-api shall answer 200, found 503```',
        LINK,
    ]
