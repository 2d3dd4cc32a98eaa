"""Deployments of production by Argo CD, run whole: the story of one environment, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compiler.project import gen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.workflows.place import Place

pytestmark = pytest.mark.minutes

WORKFLOW = "elevaite-deploy-production.yml"
CHART = "out/production/chart"
SERVICES = ("auth-api", "workflow-engine", "ingestion-service")
TENANTS = "default,toshiba,iopex,customer1"
WAIT = "Wait until the pinned digests serve"
SMOKE = "Run the smoke tests"
LINK = "<https://github.com/iopexses/elevaite/actions/runs/1|the run>"
FAILING = """if op.get_bind().exec_driver_sql("SELECT current_schema()").scalar() == "auth_customer1":
        op.execute("ALTER TABLE avatars ADD COLUMN size integer")"""


@pytest.fixture(scope="module")
def production(place: Callable[[str], Place]) -> Place:
    return place("production")


def _pin(here: Place, letter: str) -> set[str]:
    """Pin every service to another digest."""
    digest = f"sha256:{letter * 64}"
    gen(here.clone, "image", "pin", *(f"{name}={digest}" for name in SERVICES), "-e", "production")
    return {f"ghcr.io/iopexses/elevaite/{name}@{digest}" for name in SERVICES}


def _built_nothing(here: Place) -> bool:
    return {call["action"] for call in here.recorded("actions")} == {"checkout"} and not here.calls("docker")


def _commit(here: Place) -> str:
    return here.recorded("actions")[0]["commit"][:7]


def test_a_merge_is_waited_for_until_its_digests_serve(production: Place) -> None:
    pinned = _pin(production, "a")
    run = production.push("main", WORKFLOW, chart=CHART)
    assert run.results == {"deploy": "success", "notify": "success"}, run.log
    assert run.code == 0
    assert _built_nothing(production)
    assert production.calls("helm") == []
    assert {words[0] for words in production.calls("kubectl")} == {"get", "port-forward"}, (
        "nothing is changed"
    )
    assert set(production.serving().values()) == pinned
    said = run.jobs["deploy"].said(WAIT).splitlines()
    assert (said[0], said[-1]) == (
        "elevaite-auth-api is not there",
        "every digest serves, as this commit has it",
    )
    assert run.jobs["deploy"].said(SMOKE).splitlines() == [
        "login is up: 200",
        "workflows are up: 200",
        "ingestion is up: 200",
    ]
    (text,) = production.told()
    assert text.split("\n") == [
        f":white_check_mark: *elevaite production* runs {_commit(production)} for {TENANTS}",
        LINK,
    ]


def _add_tenant(here: Place) -> None:
    spec = here.clone / "environments/production.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("customer1]", "customer1, acme]"), encoding="utf-8")
    gen(here.clone)


def test_a_tenant_is_waited_for_though_no_digest_changes(production: Place) -> None:
    """The pods that serve have the pinned digests all along; the tenant's migrations fail, and then they do not."""
    _add_tenant(production)
    before = production.serving()
    log = "  ✗ auth_acme failed at create_users: no room\n"
    run = production.push("main", WORKFLOW, chart=CHART, fail=True, log=log)
    assert run.results == {"deploy": "failure", "notify": "success"}, run.log
    assert production.serving() == before
    (text,) = production.told()
    assert "auth_acme failed at create_users" in text
    production.delete_jobs()
    run = production.push("main", WORKFLOW, chart=CHART)
    assert run.results == {"deploy": "success", "notify": "success"}, run.log
    said = run.jobs["deploy"].said(WAIT).splitlines()
    assert "elevaite-auth-api is to be as this commit has it" in said
    assert production.serving() == before
    (text,) = production.told()
    assert text.startswith(":white_check_mark:")
    assert text.split("\n")[0].endswith(f"{TENANTS},acme")


def test_a_failed_migration_ends_the_wait_and_is_told(production: Place) -> None:
    before = production.serving()
    production.add_revision("auth_api", "0123456789ab", "add_avatar", production.head("auth_api"), FAILING)
    _pin(production, "b")
    run = production.push("main", WORKFLOW, chart=CHART, fail=True, log=production.migrate("production", 1))
    assert run.results == {"deploy": "failure", "notify": "success"}, run.log
    assert run.code == 1
    assert _built_nothing(production)
    assert production.serving() == before
    steps = run.jobs["deploy"].steps
    assert (steps[WAIT], steps[SMOKE], steps["Find the reason"]) == ("failure", "skipped", "success")
    (text,) = production.told()
    first, second, third, *_, link = text.split("\n")
    assert first == f":x: *elevaite production* could not be brought to {_commit(production)}"
    assert (second, link) == ("deploy: failure", LINK)
    assert third == (
        '```  ✗ auth_customer1 failed at add_avatar: relation "avatars" does not exist (SQLSTATE 42P01)'
    )


def test_a_run_that_a_newer_commit_overtook_says_nothing(production: Place) -> None:
    _pin(production, "c")
    run = production.push("main", WORKFLOW, moved_on=True)
    assert run.results == {"deploy": "success", "notify": "success"}, run.log
    assert run.jobs["deploy"].steps[SMOKE] == "skipped"
    assert "is newer than this commit" in run.jobs["deploy"].said(WAIT)
    assert production.told() == []
