"""A deployment by Helm: in its window, with its digests, after an earlier one, and the reason when it fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.compiler.project import copy_project, edit, gen
from tests.github.workflow import EVERY_FIELD, REFERENCE, Machine, load

STAGING = load(REFERENCE / "elevaite-deploy-staging.yml")
WINDOW = load(EVERY_FIELD / "shop-deploy-staging-eu.yml")
SERVICES = ("auth-api", "workflow-engine", "ingestion-service")
BUILT = {f"needs.build-{name}.outputs.digest": "sha256:" + str(i) * 64 for i, name in enumerate(SERVICES)}
FAILED_LOG = """🗄️  Running database migrations...
  ✓ auth_default already up-to-date
  ✗ auth_toshiba failed at 7c1f_add_user_avatar: column "avatar" already exists
    → fix the revision, then deploy again
"""


@pytest.mark.parametrize(
    ("day", "time", "code"),
    [
        ("1", "0900", 0),
        ("4", "1700", 0),
        ("2", "1200", 0),
        ("1", "0859", 1),
        ("1", "1701", 1),
        ("5", "1200", 1),
        ("7", "1200", 1),
    ],
)
def test_window(day: str, time: str, code: int, machine: Machine) -> None:
    machine.stand_in("date", (r"\+%u", f"{day}\n", 0), (r"\+%H%M", f"{time}\n", 0))
    done = machine.run(WINDOW, "deploy", "Check the deployment window")
    assert done.code == code
    if code:
        reason = (machine.temp / "reason").read_text(encoding="utf-8")
        assert f"It is {time} on day {day} of the week in Europe/Berlin" in reason
        assert "from 0900 to 1700 on the days 1234" in reason


def test_kubeconfig_is_for_its_owner_only(machine: Machine) -> None:
    done = machine.run(
        STAGING, "deploy", "Connect to the cluster", {"secrets.STAGING_KUBECONFIG": "clusters: []\n"}
    )
    path = machine.temp / "kubeconfig"
    assert done.variables == {"KUBECONFIG": str(path)}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="utf-8").startswith("clusters: []\n")
    assert "clusters" not in done.stdout + done.stderr


def test_a_secret_that_is_not_there_is_said(machine: Machine) -> None:
    done = machine.run(STAGING, "deploy", "Connect to the cluster", {"secrets.STAGING_KUBECONFIG": ""})
    assert done.code == 1
    assert "no secret with a kubeconfig" in done.stderr


def test_digests_become_values(machine: Machine) -> None:
    done = machine.run(STAGING, "deploy", "Write down the digests", BUILT)
    assert done.code == 0, done.stderr
    values = json.loads((machine.temp / "digests.json").read_text(encoding="utf-8"))
    assert values == {"images": {name: BUILT[f"needs.build-{name}.outputs.digest"] for name in SERVICES}}
    assert set(done.outputs["digests"].splitlines()) == {f"{k}={v}" for k, v in values["images"].items()}


@pytest.mark.parametrize("digest", ["", "latest", "sha256:12", "sha256:" + "A" * 64])
def test_what_is_no_digest_is_refused(digest: str, machine: Machine) -> None:
    done = machine.run(
        STAGING, "deploy", "Write down the digests", {**BUILT, "needs.build-auth-api.outputs.digest": digest}
    )
    assert done.code == 1
    assert f"There is no digest for auth-api={digest}" in done.stderr


def test_an_earlier_job_is_waited_for_and_never_cut_off(machine: Machine) -> None:
    machine.stand_in("sleep", ("", "", 0))
    machine.stand_in(
        "kubectl",
        ("status.active", "1", 0),
        ("status.active", "1", 0),
        ("status.active", "", 0),
        ("uid", "abc", 0),
    )
    machine.stand_in("helm", ("list", "[]", 0))
    done = machine.run(STAGING, "deploy", "Wait for an earlier deployment")
    assert done.code == 0, done.stderr
    assert done.outputs == {"uid": "abc"}
    assert len(machine.calls("sleep")) == 2
    assert all(call[0] == "get" for call in machine.calls("kubectl"))


def test_a_release_left_half_way_is_named_with_the_way_out(machine: Machine) -> None:
    machine.stand_in("kubectl", ("", "", 0))
    machine.stand_in("helm", ("list", '[{"name": "elevaite-staging", "status": "pending-upgrade"}]', 0))
    done = machine.run(STAGING, "deploy", "Wait for an earlier deployment")
    assert done.code == 1
    assert "Release elevaite-staging is pending-upgrade" in done.stderr
    assert (
        "helm rollback elevaite-staging <last deployed revision> --no-hooks --namespace staging"
        in done.stderr
    )


def _upgrade(machine: Machine, before: str = "old"):
    return machine.run(STAGING, "deploy", "Migrate and upgrade", {"steps.before.outputs.uid": before})


def _reason(machine: Machine) -> str:
    done = machine.run(STAGING, "deploy", "Find the reason")
    assert done.code == 0, done.stderr
    return done.outputs["reason"].strip()


def test_upgrade(machine: Machine) -> None:
    machine.stand_in("helm", ("", "", 0))
    assert _upgrade(machine).code == 0
    (call,) = machine.calls("helm")
    text = " ".join(call)
    assert text.startswith("upgrade --install elevaite-staging out/staging/chart --namespace staging")
    assert f"--values {machine.temp}/digests.json" in text
    assert "--rollback-on-failure --wait --timeout 2040s" in text


def test_manual_rollback_leaves_the_release_as_it_failed(machine: Machine, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    edit(project / "environments/staging.yaml", "promote:", "rollback: {code: manual}\npromote:")
    gen(project)
    machine.stand_in("helm", ("", "", 0))
    staging = load(project / ".github/workflows/elevaite-deploy-staging.yml")
    done = machine.run(staging, "deploy", "Migrate and upgrade", {"steps.before.outputs.uid": ""})
    assert done.code == 0, done.stderr
    (call,) = machine.calls("helm")
    assert "--rollback-on-failure" not in call
    assert "--wait" in call


def test_limits_grow_from_the_job_to_the_workflow() -> None:
    for workflow in (STAGING, WINDOW):
        job = workflow["jobs"]["deploy"]
        helm = next(s for s in job["steps"] if s["name"] == "Migrate and upgrade")["env"]["TIMEOUT"]
        before = next(s for s in job["steps"] if s["name"] == "Wait for an earlier deployment")["env"][
            "PATIENCE"
        ]
        assert int(before) < int(re.fullmatch("([0-9]+)s", helm)[1]) < job["timeout-minutes"] * 60


def test_a_failed_migration_says_tenant_revision_and_why(machine: Machine) -> None:
    machine.stand_in("helm", ("", "Error: UPGRADE FAILED: pre-upgrade hooks failed: job failed\n", 1))
    machine.stand_in("kubectl", ("get job", "new", 0), ("logs job/elevaite-migrations", FAILED_LOG, 0))
    done = _upgrade(machine)
    assert done.code == 1
    assert "already up-to-date" in done.stdout, "the whole log is in the run"
    said = [line.strip() for line in _reason(machine).splitlines()]
    assert said == [line.strip() for line in FAILED_LOG.splitlines()[2:]]


def test_a_failure_without_a_new_job_does_not_blame_the_old_one(machine: Machine) -> None:
    machine.stand_in("helm", ("", "Error: values don't meet the specifications of the schema\n", 1))
    machine.stand_in("kubectl", ("get job", "old", 0), ("logs", FAILED_LOG, 0))
    assert _upgrade(machine).code == 1
    assert _reason(machine) == "Error: values don't meet the specifications of the schema"


def test_a_cluster_that_does_not_answer_leaves_helm_s_own_words(machine: Machine) -> None:
    machine.stand_in("helm", ("", "Error: Kubernetes cluster unreachable\n", 1))
    machine.stand_in("kubectl", ("", "connection refused\n", 1))
    assert _upgrade(machine).code == 1
    assert _reason(machine) == "Error: Kubernetes cluster unreachable"


def test_a_reason_is_short_plain_text(machine: Machine) -> None:
    text = "\x1b[31mred\x1b[0m\x00 " + "→ é\n" * 5000
    (machine.temp / "reason").write_text(text, encoding="utf-8")
    reason = _reason(machine)
    assert len(reason.encode()) <= 2000
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]", reason)


def test_a_reason_cannot_write_other_outputs(machine: Machine) -> None:
    (machine.temp / "reason").write_text("x\nEOF\nstate=serving\nreason<<EOF\n", encoding="utf-8")
    done = machine.run(STAGING, "deploy", "Find the reason")
    assert set(done.outputs) == {"reason"}


def test_without_any_words_there_is_no_reason(machine: Machine) -> None:
    assert _reason(machine) == ""


def test_every_deployment_is_awaited(machine: Machine) -> None:
    machine.stand_in("kubectl", ("workflow-engine", "error: timed out\n", 1), ("", "", 0))
    done = machine.run(STAGING, "deploy", "Await the rollout")
    assert done.code == 1
    assert _reason(machine) == "Deployment elevaite-workflow-engine does not become ready."
    assert [call[2] for call in machine.calls("kubectl")] == [
        "deployment/elevaite-auth-api",
        "deployment/elevaite-workflow-engine",
    ]
    assert done.outputs == {}


def test_what_was_awaited_serves(machine: Machine) -> None:
    machine.stand_in("kubectl", ("", "", 0))
    done = machine.run(STAGING, "deploy", "Await the rollout")
    assert (done.code, done.outputs) == (0, {"state": "serving"})
