"""The pods of the compiled charts on a real engine: from empty databases to a failed release, told in order."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.clone import LABELS, TENANTS, make_clone
from tests.engine.conftest import CLONES
from tests.engine.place import DATABASES, Images, Place, make_place
from tests.engine.pods import MESSAGE_BYTES, MESSAGE_LINES, Pod

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HEADING = "🗄️  Running database migrations..."
WORKERS = tuple(f"migrate-{service}" for service in DATABASES)
IN_TOSHIBA = 'if op.get_bind().scalar(sa.text("SELECT current_schema()")) == "workflow_toshiba":'
ADD_OWNER = 'op.add_column("runs", sa.Column("owner", sa.String(80)))'
REASON = "run 7 has no owner"
BROKEN = f'{ADD_OWNER}\n    {IN_TOSHIBA}\n        raise RuntimeError("{REASON}")'
SLOW = f'{ADD_OWNER}\n    {IN_TOSHIBA}\n        op.execute("SELECT pg_sleep(300)")'


@pytest.fixture(scope="module")
def places(images: Mapping[str, str], pytestconfig: pytest.Config) -> Iterator[dict[str, Place]]:
    """Staging and production before their first releases: a fresh clone, its images, two PostgreSQL servers."""
    label = f"tenantship-test-{secrets.token_hex(4)}"
    clone = make_clone(Path(tempfile.mkdtemp(prefix="tenantship-engine-")), images, label)
    pytestconfig.stash[CLONES].append(clone)
    built = Images(clone)
    made: dict[str, Place] = {}
    try:
        for environment in ("staging", "production"):  # they start while the images are built
            made[environment] = make_place(built, environment)
        built.build(*DATABASES)
        for place in made.values():
            place.create_databases()
        yield made
    finally:
        for place in made.values():
            place.remove()
        built.remove()
        clone.remove()


@pytest.fixture(scope="module")
def staging(places: dict[str, Place]) -> Place:
    return places["staging"]


@pytest.fixture(scope="module")
def production(places: dict[str, Place]) -> Place:
    return places["production"]


def lines(pod: Pod, name: str = "migrations") -> list[str]:
    """What a container printed, without the run and the duration in the summary."""
    return re.sub(r" \(run [0-9a-f]{6}, \d+\.\d s\)$", "", pod.log(name), flags=re.M).splitlines()


def up_to_date(labels: Iterable[str]) -> list[str]:
    return [f"  ✓ {label} already up-to-date" for label in labels]


def all_applied(pod: Pod, labels: Iterable[str]) -> None:
    """The driver's log is the heading, one line per schema with names of revisions, the summary."""
    labels = tuple(labels)
    log = lines(pod)
    assert log[0] == HEADING
    # Services in their order; schemas of one service are migrated beside each other.
    applied = [line.split(" (")[0] for line in log[1:-1]]
    assert sorted(applied) == sorted(f"  ✓ Applied new migrations to {label}" for label in labels)
    services = [line.split()[-1].split("_")[0] for line in applied]
    assert services == sorted(services, key=[label.split("_")[0] for label in labels].index)
    assert all(re.search(r" \(\w+(, \w+)+\)$", line) for line in log[1:-1])
    assert log[-1] == f"{len(labels)} schemas: 0 up-to-date, {len(labels)} applied, 0 failed, 0 skipped"
    assert pod.wait() == dict.fromkeys(("migrations", *WORKERS), 0)


def test_the_job_of_staging_migrates_empty_databases(staging: Place) -> None:
    staging.release()
    pod = staging.migrate()
    all_applied(pod, LABELS)
    assert [pod.log(worker) for worker in WORKERS] == ["", "", ""]


def test_a_second_job_finds_nothing_to_do(staging: Place) -> None:
    assert lines(staging.migrate()) == [HEADING, *up_to_date(LABELS)]


def test_the_job_of_production_migrates_its_own_tenants(production: Place) -> None:
    chart = production.release()
    (name,) = chart.kind("Job")
    assert re.fullmatch(r"elevaite-migrations-[0-9a-f]{8}-[0-9a-f]{8}", name)
    tenants = (*TENANTS, "customer1")
    labels = [f"{service}_{tenant}" for service in ("auth", "workflow") for tenant in tenants]
    labels.append("ingestion-service")
    all_applied(production.migrate(), labels)


@pytest.mark.parametrize("service", DATABASES)
def test_every_service_becomes_ready_behind_its_gate(staging: Place, service: str) -> None:
    own = [label for label in LABELS if label.startswith(service.split("-")[0])]
    gate = staging.serves(staging.releases[0], service)
    assert gate.splitlines() == [f"  ✓ {label} is at least where this image needs it" for label in own]


def test_a_gate_waits_for_the_job_of_its_release_and_lets_an_older_image_pass(staging: Place) -> None:
    """The second release has a revision and a tenant more; the first one's pods work on what it leaves."""
    add = 'op.add_column("users", sa.Column("avatar", sa.String(200)))'
    staging.clone.add_revision("python_apps/auth_api", "add_user_avatar", add, "a1a1a1a1a1a1")
    staging.clone.replace(
        "environments/staging.yaml", "[default, toshiba, iopex]", "[default, toshiba, iopex, acme]"
    )
    staging.images.build("auth-api")
    chart = staging.release()
    assert set(chart.config_maps) != set(staging.releases[0].config_maps)
    pod = staging.cluster.pod(chart.deployment("auth-api"))
    pod.start("schema-gate")
    waiting = pod.wait_for("schema-gate", "waiting: ")
    assert "auth_default is at index_users_role and needs add_user_avatar" in waiting
    assert "auth_toshiba is at index_users_role and needs add_user_avatar" in waiting
    assert pod.peak_memory("schema-gate") < 128 * 2**20

    log = lines(staging.migrate())
    for tenant in TENANTS:
        assert f"  ✓ Applied new migrations to auth_{tenant} (add_user_avatar)" in log
    assert pod.wait("schema-gate", seconds=10) == {"schema-gate": 0}
    assert "  ✓ auth_acme is at least where this image needs it" in lines(pod, "schema-gate")
    staging.serves(staging.releases[0], "auth-api")


@pytest.fixture(scope="module")
def failed(staging: Place) -> Pod:
    """The Job of a third release, whose revision in the second service fails for one tenant."""
    first = 'op.add_column("users", sa.Column("nickname", sa.String(50)))'
    third = 'op.add_column("documents", sa.Column("pages", sa.Integer))'
    staging.clone.add_revision("python_apps/auth_api", "add_nickname", first, "a2a2a2a2a2a2")
    staging.clone.add_revision("python_apps/workflow_engine", "add_run_owner", BROKEN, "c1c1c1c1c1c1")
    staging.clone.add_revision("python_apps/ingestion_service", "add_pages", third, "b1b1b1b1b1b1")
    one_by_one = "iopex, acme, globex]\nmigrations: {parallelism: 1}"
    staging.clone.replace("environments/staging.yaml", "iopex, acme]", one_by_one)
    staging.images.build(*DATABASES)
    staging.release()
    return staging.migrate(1)


def test_a_failing_revision_is_told_by_the_first_container(staging: Place, failed: Pod) -> None:
    assert failed.wait() == {
        "migrations": 1,
        "migrate-auth-api": 0,
        "migrate-workflow-engine": 1,
        "migrate-ingestion-service": 0,
    }
    log = lines(failed)
    assert f"  ✗ workflow_toshiba failed at add_run_owner: RuntimeError: {REASON}" in log
    assert "    → workflow_toshiba is at index_runs_workflow_id" in log
    assert "  ✓ Applied new migrations to workflow_default (add_run_owner)" in log
    for tenant in (*TENANTS, "acme"):
        assert f"  ✓ Applied new migrations to auth_{tenant} (add_nickname)" in log
    assert "  – ingestion-service not started: ingestion-service skipped" in log
    assert log[-1] == "11 schemas: 0 up-to-date, 6 applied, 1 failed, 4 skipped"
    message = failed.termination_message("migrations")
    assert len(message.encode()) <= MESSAGE_BYTES
    assert len(message.splitlines()) <= MESSAGE_LINES
    for part in ("workflow_toshiba", "add_run_owner", REASON):
        assert part in message


@pytest.mark.usefixtures("failed")
def test_what_came_before_the_failure_stays_and_nothing_of_it_does(staging: Place) -> None:
    at = staging.versions("auth", *(f"auth_{tenant}" for tenant in (*TENANTS, "acme", "globex")))
    assert at == ["a2a2a2a2a2a2"] * 5
    at = staging.versions("workflow_engine", *(f"workflow_{tenant}" for tenant in (*TENANTS, "acme")))
    assert at == ["c1c1c1c1c1c1", *["6c4ffd7e7861"] * 3]
    owners = "select table_schema from information_schema.columns where (table_name, column_name) = ('runs', 'owner')"
    assert staging.query("workflow_engine", owners) == ["workflow_default"]
    assert staging.versions("elevaite_ingestion", "public") != ["b1b1b1b1b1b1"]


@pytest.mark.usefixtures("failed")
@pytest.mark.parametrize(("release", "service"), [(0, "workflow-engine"), (1, "auth-api")])
def test_an_old_pod_still_starts_after_a_failed_release(staging: Place, release: int, service: str) -> None:
    """With the image and the ConfigMaps of its own release, also where that is the one before the last."""
    staging.serves(staging.releases[release], service)


@pytest.mark.usefixtures("failed")
def test_the_gate_of_a_failed_release_stays_shut(staging: Place) -> None:
    pod = staging.cluster.pod(staging.releases[-1].deployment("workflow-engine"))
    pod.start("schema-gate")
    text = "workflow_toshiba is at index_runs_workflow_id and needs add_run_owner"
    assert text in pod.wait_for("schema-gate", "waiting: ")
    assert pod.delete() < 5
    assert pod.wait("schema-gate") == {"schema-gate": 10}


@pytest.mark.usefixtures("failed")
def test_deleting_the_job_s_pod_leaves_whole_revisions(staging: Place) -> None:
    path = "python_apps/workflow_engine/migrations/versions/c1c1c1c1c1c1_add_run_owner.py"
    staging.clone.replace(path, BROKEN, SLOW)
    staging.images.build("workflow-engine")
    pod = staging.cluster.pod(staging.release().job)
    pod.start()
    sleeping = (
        "select count(*) from pg_stat_activity where state = 'active' and query = 'SELECT pg_sleep(300)'"
    )
    until_busy(staging, sleeping)
    assert pod.peak_memory("migrate-workflow-engine") < 256 * 2**20
    assert pod.peak_memory("migrations") < 64 * 2**20
    took = pod.delete()
    staging.clone.timings.append(("delete the Job's pod during a revision", took))
    assert took < pod.grace_s / 3
    assert pod.wait()["migrations"] == 10
    assert any(
        line.startswith("  ✗ workflow_toshiba terminated at add_run_owner: stopped") for line in lines(pod)
    ), pod.log("migrations")
    assert staging.query("workflow_engine", sleeping) == ["0"]
    assert staging.versions("workflow_engine", "workflow_toshiba") == ["6c4ffd7e7861"]


def test_a_mended_revision_goes_on_where_the_others_stopped(staging: Place, failed: Pod) -> None:
    """A worker whose image comes last of all is waited for, and one that comes too late ends at once."""
    path = "python_apps/workflow_engine/migrations/versions/c1c1c1c1c1c1_add_run_owner.py"
    staging.clone.replace(path, SLOW, ADD_OWNER)
    staging.images.build("workflow-engine")
    pod = staging.cluster.pod(staging.release().job)
    pod.start("migrate-workflow-engine", "migrate-ingestion-service", "migrations")
    time.sleep(3)
    pod.start("migrate-auth-api")
    assert pod.wait() == dict.fromkeys(("migrations", *WORKERS), 0)
    log = lines(pod)
    assert "  ✓ workflow_default already up-to-date" in log
    assert "  ✓ Applied new migrations to workflow_toshiba (add_run_owner)" in log
    assert "  ✓ Applied new migrations to ingestion-service (add_pages)" in log

    began = time.monotonic()
    failed.start("migrate-auth-api")
    assert failed.wait("migrate-auth-api") == {"migrate-auth-api": 0}
    assert time.monotonic() - began < 5


def until_busy(place: Place, sleeping: str) -> None:
    """Wait until the slow revision is being executed."""
    end = time.monotonic() + 30
    while place.query("workflow_engine", sleeping) != ["1"]:
        assert time.monotonic() < end, "the slow revision was never begun"
        time.sleep(0.2)
