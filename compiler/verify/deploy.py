"""An environment's workflows against its chart: the same branch, the same names, and limits that enclose each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compiler.verify.argocd import BRANCH
from compiler.verify.document import find, mapping, sequence
from compiler.verify.workflows import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.chart import Chart
    from compiler.verify.document import Document
    from compiler.verify.finding import Finding, Path

_UPGRADE = re.compile(r"\bhelm upgrade\b(?:[^\n\\]|\\\n|\\.)*")
_TIMEOUT = re.compile(r'--timeout[= ]"?(?:\$\{?([A-Z_]+)\}?|([0-9]+)s)"?')
_FORBIDDEN = (
    "--no-hooks",
    "--force",
    "--reuse-values",
    "--disable-openapi-validation",
    "--skip-schema-validation",
)
_WANTED = ("--install", "--wait", "--namespace", "--values")
_CLUSTER = re.compile(r"\b(?:helm upgrade|kubectl (?!port-forward))")
_HASHES = re.compile(r"(?:-[0-9a-f]{8})?(?:-\{\{.*)?$")


def check(workflow: Document, chart: Chart) -> Iterator[Finding]:
    """Check one workflow of the environment that `chart` is of."""
    yield from _branches(workflow, chart)
    if kind_of(workflow.file) != "deploy":
        return
    if not re.search(rf"\b{re.escape(chart.environment)}$", str(workflow.at("concurrency", "group"))):
        message = "found a group that is not of this environment alone"
        yield workflow.breaks("workflow-concurrency", message, "concurrency", "group")
    expected = _names(chart)
    for name, value in mapping(workflow.at("jobs")).items():
        job = mapping(value)
        yield from _environment(workflow, name, job, chart.environment)
        yield from _target(workflow, ("jobs", name, "env"), job.get("env"), expected)
        for number, step in enumerate(sequence(job.get("steps"))):
            at = ("jobs", name, "steps", number)
            yield from _target(workflow, (*at, "env"), find(step, "env"), expected)
            yield from _helm(workflow, at, mapping(step), job, chart)
        if name == "deploy" and chart.objects and not find(job, "env", "NAMESPACE"):
            yield workflow.breaks("workflow-target", "found no namespace", "jobs", name, "name")
        yield from _limits(workflow, name, job, chart)


def _branches(workflow: Document, chart: Chart) -> Iterator[Finding]:
    wanted = {"what the guide of the environment names": chart.branch}
    if chart.application:
        wanted["what Argo CD follows"] = chart.application.at("spec", "source", "targetRevision")
    for event in ("push", "pull_request"):
        branches = workflow.at("on", event, "branches")
        if branches is None:
            continue
        path = ("on", event, "branches")
        if len(sequence(branches)) != 1 or not BRANCH.fullmatch(str(branches[0])):
            yield workflow.breaks("workflow-branch", f"found {branches!r}", *path)
            continue
        for what, branch in wanted.items():
            # A name that is none is a finding of its own.
            if branch and BRANCH.fullmatch(str(branch)) and branches[0] != branch:
                yield workflow.breaks(
                    "workflow-branch", f"found {branches[0]!r}, not {what}: {branch!r}", *path, 0
                )
                break


def _names(chart: Chart) -> dict[str, str]:
    job = next(iter(chart.of("Job")), None)
    return {
        "CHART": f"out/{chart.environment}/chart",
        "NAMESPACE": chart.namespace,
        "RELEASE": chart.release,
        "JOB": _HASHES.sub("", job.name) if job else "",
    }


def _target(workflow: Document, at: Path, variables: Any, expected: dict[str, str]) -> Iterator[Finding]:
    for name, value in mapping(variables).items():
        if expected.get(name) and value != expected[name]:
            message = f"found {name}: {value!r} instead of {expected[name]!r}"
            yield workflow.breaks("workflow-target", message, *at, name)


def _environment(workflow: Document, name: str, job: dict[str, Any], expected: str) -> Iterator[Finding]:
    found = job.get("environment")
    scripts = (str(find(step, "run")) for step in sequence(job.get("steps")))
    if any(map(_CLUSTER.search, scripts)):
        right = found == expected
    else:
        right = found is None or found == expected or str(found).startswith(f"{expected}-")
    if not right:
        message = f"found the GitHub environment {found!r} for {name!r}"
        key = "environment" if "environment" in job else "name"
        yield workflow.breaks("workflow-environment", message, "jobs", name, key)


def _helm(
    workflow: Document, at: Path, step: dict[str, Any], job: dict[str, Any], chart: Chart
) -> Iterator[Finding]:
    upgrade = _UPGRADE.search(str(step.get("run", "")))
    if upgrade is None:
        return
    words = upgrade[0].replace("\\\n", " ").split()
    odd = [word for word in words if word in _FORBIDDEN] + [
        f"no {word}" for word in _WANTED if word not in words
    ]
    if odd:
        yield workflow.breaks("workflow-helm", f"found {odd[0]}", *at, "run")
    seconds = _seconds(upgrade[0], step, job)
    limit = next((one.at("spec", "activeDeadlineSeconds") for one in chart.of("Job")), None)
    if seconds is None or (isinstance(limit, int) and seconds <= limit):
        message = f"found {seconds!r} seconds for Helm, {limit!r} for the Job in it"
        path = ("env", "TIMEOUT") if find(step, "env", "TIMEOUT") else ("run",)
        yield workflow.breaks("job-deadlines", message, *at, *path)


def _seconds(command: str, step: dict[str, Any], job: dict[str, Any]) -> int | None:
    """Return the seconds that `helm upgrade` waits at most."""
    match = _TIMEOUT.search(command)
    if match is None:
        return None
    if match[2]:
        return int(match[2])
    value = str(find(step, "env", match[1]) or find(job, "env", match[1]))
    return int(value[:-1]) if re.fullmatch(r"[0-9]+s", value) else None


def _limits(workflow: Document, name: str, job: dict[str, Any], chart: Chart) -> Iterator[Finding]:
    """Check that a job which deploys lasts longer than what it waits for, each of its waits included."""
    minutes = job.get("timeout-minutes")
    if name != "deploy" or not isinstance(minutes, int):
        return
    inner = [one.at("spec", "activeDeadlineSeconds") for one in chart.of("Job")]
    for step in sequence(job.get("steps")):
        patience = str(find(step, "env", "PATIENCE"))
        inner.append(int(patience) if patience.isdecimal() else 0)
        command = _UPGRADE.search(str(find(step, "run")))
        inner.append(_seconds(command[0], mapping(step), job) if command else 0)
    longest = max((one for one in inner if isinstance(one, int)), default=0)
    if minutes * 60 <= longest:
        message = f"found {minutes} minutes for the workflow, {longest} seconds for what it waits for"
        yield workflow.breaks("job-deadlines", message, "jobs", name, "timeout-minutes")
