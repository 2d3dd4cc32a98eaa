"""What the guide for deployments says in its tables is what the outputs and the code have."""

from __future__ import annotations

import re

import yaml

from compiler.spec.lattice import FIELDS
from genmigrate.codes import CODE_OF_WORD, INTERRUPTED, OK, POLICY
from tests.calls.find import objects
from tests.compiler.project import ROOT

GUIDE = (ROOT / "docs/deployments.md").read_text(encoding="utf-8")


def _section(head: str) -> str:
    return GUIDE.split(f"\n## {head}\n")[1].split("\n## ")[0]


def _rows(head: str) -> list[list[str]]:
    lines = [line for line in _section(head).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def _workflow(name: str) -> dict:
    path = ROOT / f".github/workflows/elevaite-{name}.yml"
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)


def _env(name: str, step: str) -> dict[str, str]:
    (found,) = [one for one in _workflow(name)["jobs"]["deploy"]["steps"] if one["name"] == step]
    return found["env"]


def test_the_limits_are_those_of_the_outputs() -> None:
    files = {"out/staging/chart/templates/migrations/job.yaml": ""}
    files = {path: (ROOT / path).read_text(encoding="utf-8") for path in files}
    (job,) = [one for one in objects(files) if one["kind"] == "Job"]
    driver = job["spec"]["template"]["spec"]["containers"][0]["command"]
    (deadline,) = [word.removeprefix("--deadline=") for word in driver if word.startswith("--deadline=")]
    minutes = _workflow("deploy-staging")["jobs"]["deploy"]["timeout-minutes"]
    assert [row[-1] for row in _rows("Limits")] == [
        deadline,
        str(job["spec"]["template"]["spec"]["activeDeadlineSeconds"]),
        str(job["spec"]["activeDeadlineSeconds"]),
        _env("deploy-staging", "Migrate and upgrade")["TIMEOUT"].removesuffix("s"),
        _env("deploy-production", "Wait until the pinned digests serve")["PATIENCE"],
        f"{minutes} minutes",
    ]
    for option in ("--timeout=", "--worker-timeout="):
        (seconds,) = [word.removeprefix(option) for word in driver if word.startswith(option)]
        assert f"{seconds} s" in _section("Limits")


def test_the_policy_is_the_lattice() -> None:
    named = [name for row in _rows("The policy") for name in re.findall(r"`([a-z_.]+)`", row[0])]
    assert named == [field.name for field in FIELDS]


def test_the_jobs_of_a_pull_request_are_those_of_its_workflow() -> None:
    shown = {row[0].split(" *")[0] for row in _rows("A pull request")}
    jobs = {job["name"] for job in _workflow("pull-request")["jobs"].values()}
    assert {next((one for one in shown if name.startswith(one)), name) for name in jobs} == shown


def test_the_steps_of_a_deployment_are_those_of_its_workflow() -> None:
    jobs = _workflow("deploy-staging")["jobs"]
    assert {"deploy", "promote", "notify"} < set(jobs)
    order = ["Connect", "Wait", "Migrate and upgrade", "Roll out", "Smoke tests"]
    told = re.findall(
        r"^\d\. \*\*([^*]+?)\.?\*\*", _section("A merge to develop: staging, via helm"), re.MULTILINE
    )
    assert told == ["Build", *order, "Promote", "Tell"]
    steps = " ".join(step["name"] for step in jobs["deploy"]["steps"]).lower()
    places = [steps.index(word) for word in ("connect", "wait for", "migrate", "rollout", "smoke")]
    assert places == sorted(places)


def test_the_exit_codes_are_those_of_the_runner() -> None:
    told = {int(code) for row in _rows("A migration fails") for code in re.findall(r"\b(\d+) [a-z]", row[0])}
    # Nobody interrupts a Job; what the policy refuses is no state of a schema.
    assert told == {*CODE_OF_WORD.values(), POLICY} - {OK, INTERRUPTED}


def test_every_github_environment_of_a_workflow_is_told() -> None:
    section = _section("Before the first deployment")
    for path in sorted(ROOT.glob("tests/golden/*/expected/.github/workflows/*.yml")):
        for name in re.findall(
            r'^    environment: "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            suffix = re.search(r"(-build|-notify|-promote)?$", name)[0]
            assert f"environment `<env>{suffix}`" in section, f"{path}: {name}"
    for secret in ("PROMOTE_APP_ID", "PROMOTE_APP_PRIVATE_KEY", "REGISTRY_<HOST>_USERNAME"):
        assert secret in section
