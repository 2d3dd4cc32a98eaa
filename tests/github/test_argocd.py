"""A deployment by Argo CD: waits until the pinned digests serve, and ends early when it knows that they never will."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.github.workflow import REFERENCE, ROOT, Machine, load

PRODUCTION = load(REFERENCE / "elevaite-deploy-production.yml")
STEP = "Wait until the pinned digests serve"


@pytest.fixture
def cluster(machine: Machine) -> Machine:
    shutil.copytree(ROOT / "out/production/chart", machine.checkout / "out/production/chart")
    machine.stand_in("sleep", ("", "", 0))
    machine.stand_in("gh", ("commits/main", "0" * 40 + "\n", 0))
    machine.variables["GITHUB_REF_NAME"] = "main"
    return machine


def _digests(machine: Machine) -> str:
    done = machine.run(PRODUCTION, "deploy", "Read the pinned digests")
    assert done.code == 0, done.stderr
    return done.outputs["digests"]


def _compiled(name: str) -> str:
    text = (ROOT / f"out/production/chart/templates/services/{name}.yaml").read_text(encoding="utf-8")
    (found,) = re.findall(r'^    gen/compiled: "([0-9a-f]{8})"$', text, re.MULTILINE)
    return found


def _deployment(name: str, digest: str, **changed: int) -> dict:
    status = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, **changed}
    containers = [{"image": f"ghcr.io/iopexses/elevaite/{name}@{digest}"}]
    return {
        "metadata": {
            "name": f"elevaite-{name}",
            "generation": 3,
            "annotations": {"gen/compiled": _compiled(name)},
        },
        "spec": {"replicas": 2, "template": {"spec": {"containers": containers}}},
        "status": status,
    }


def _deployments(machine: Machine, **changed: int) -> str:
    pairs = [line.split("=") for line in _digests(machine).splitlines()]
    return json.dumps({"items": [_deployment(name, digest, **changed) for name, digest in pairs]})


def _wait(machine: Machine):
    values = {"steps.digests.outputs.digests": _digests(machine), "github.token": "token"}
    return machine.run(PRODUCTION, "deploy", STEP, values)


def test_the_digests_are_those_of_the_pins(cluster: Machine) -> None:
    pins = (ROOT / "environments/production.images.yaml").read_text(encoding="utf-8")
    for line in _digests(cluster).splitlines():
        service, digest = line.split("=")
        assert f"{service}: {digest}" in pins
    assert len(_digests(cluster).splitlines()) == 3


def test_waits_until_everything_serves(cluster: Machine) -> None:
    good = _deployments(cluster)
    old = good.replace("sha256:", "sha256:0")
    cluster.stand_in(
        "kubectl",
        ("get deployments", "Unable to connect", 1),
        ("get deployments", json.dumps({"items": []}), 0),
        ("get deployments", old, 0),
        ("get deployments", _deployments(cluster, updatedReplicas=1), 0),
        ("get deployments", _deployments(cluster, replicas=3), 0),
        ("get deployments", _deployments(cluster, observedGeneration=2), 0),
        ("get deployments", good.replace(_compiled("auth-api"), "00000000"), 0),
        (
            "get deployments",
            good.replace(f', "annotations": {{"gen/compiled": "{_compiled("auth-api")}"}}', ""),
            0,
        ),
        ("get deployments", good, 0),
        ("get job", "", 0),
        ("get job", "Complete", 0),
    )
    done = _wait(cluster)
    assert done.code == 0, done.stderr
    assert done.outputs == {"state": "serving"}
    assert len(cluster.calls("sleep")) == 8
    assert "nothing is known about the cluster" in done.stdout
    assert "elevaite-auth-api is not there" in done.stdout
    assert "elevaite-auth-api is to run sha256:" in done.stdout
    assert "elevaite-auth-api rolls out" in done.stdout
    assert done.stdout.count("elevaite-auth-api is to be as this commit has it") == 2


def test_what_serves_already_waits_for_its_job(cluster: Machine) -> None:
    """Only the Job has changed, or Argo CD has not begun."""
    good = _deployments(cluster)
    cluster.stand_in(
        "kubectl",
        ("get deployments", good, 0),
        ("get job", "", 0),
        ("get job", "", 1),
        ("get job", "SuccessCriteriaMet Complete", 0),
    )
    done = _wait(cluster)
    assert (done.code, done.outputs) == (0, {"state": "serving"}), done.stderr
    assert len(cluster.calls("sleep")) == 2
    assert re.search(
        "^Job elevaite-migrations-[0-9a-f]{8}-[0-9a-f]{8} is to succeed$", done.stdout, re.MULTILINE
    )


def test_what_serves_already_is_no_success_where_its_job_failed(cluster: Machine) -> None:
    log = "  ✗ auth_acme failed at create_users: no room\n"
    cluster.stand_in(
        "kubectl",
        ("get deployments", _deployments(cluster), 0),
        ("get job", "FailureTarget Failed", 0),
        ("logs", log, 0),
    )
    done = _wait(cluster)
    assert (done.code, done.outputs) == (1, {})
    assert (cluster.temp / "reason").read_text(encoding="utf-8") == log


def test_a_failed_job_of_these_very_files_and_digests_ends_the_wait(cluster: Machine) -> None:
    log = "  ✗ auth_iopex failed at 7c1f_add: no such column\n    → look\n"
    cluster.stand_in(
        "kubectl", ("get deployments", '{"items": []}', 0), ("get job", "Failed", 0), ("logs", log, 0)
    )
    done = _wait(cluster)
    assert done.code == 1
    assert (cluster.temp / "reason").read_text(encoding="utf-8") == log
    (asked,) = {call[2] for call in cluster.calls("kubectl") if call[:2] == ["get", "job"]}
    chart = (ROOT / "out/production/chart/templates/migrations/job.yaml").read_text(encoding="utf-8")
    images = (ROOT / "out/production/chart/images.yaml").read_text(encoding="utf-8")
    first, second = asked.removeprefix("elevaite-migrations-").split("-")
    assert f'name: "elevaite-migrations-{first}-{{{{ .Values.migrations.digest }}}}"' in chart
    assert f'digest: "{second}"' in images


def test_a_newer_commit_takes_over(cluster: Machine) -> None:
    cluster.stand_in("kubectl", ("get deployments", '{"items": []}', 0), ("get job", "", 0))
    cluster.stand_in("gh", ("commits/main", "1" * 40 + "\n", 0))
    done = _wait(cluster)
    assert (done.code, done.outputs) == (0, {"state": "superseded"})


def test_the_wait_ends_and_says_what_is_missing(cluster: Machine) -> None:
    cluster.stand_in("kubectl", ("get deployments", '{"items": []}', 0), ("get job", "", 0))
    (step,) = [s for s in PRODUCTION["jobs"]["deploy"]["steps"] if s["name"] == STEP]
    env = {**PRODUCTION["jobs"]["deploy"]["env"], **step["env"], "PATIENCE": "-1"}
    values = {"steps.digests.outputs.digests": _digests(cluster), "github.token": "token"}
    done = cluster.bash(step["run"], env, values)
    assert done.code == 1
    assert "elevaite-auth-api is not there" in (cluster.temp / "reason").read_text(encoding="utf-8")


def test_smoke_tests_and_promotion_follow_only_what_serves() -> None:
    steps = {step["name"]: step for step in PRODUCTION["jobs"]["deploy"]["steps"]}
    assert steps["Run the smoke tests"]["if"] == "${{ steps.serving.outputs.state == 'serving' }}"


def test_nothing_is_built_or_applied() -> None:
    text = (REFERENCE / "elevaite-deploy-production.yml").read_text(encoding="utf-8")
    for word in ("docker", "helm upgrade", "kubectl apply", "packages: write"):
        assert word not in text
