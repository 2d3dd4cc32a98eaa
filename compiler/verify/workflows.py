"""A workflow of GitHub's against when it runs, what it may do, and what its jobs wait for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compiler.verify.document import find, mapping, sequence, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.document import Document
    from compiler.verify.finding import Finding

# A workflow's kind, by the end of its file's name, and what starts it: event, and the filters that it has.
_EVENTS: dict[str, dict[str, set[str]]] = {
    "approve": {"pull_request": {"branches"}, "pull_request_review": {"types"}},
    "check": {"pull_request": set(), "merge_group": set()},
    "deploy": {"push": {"branches"}},
}
# What the token of a job may do at most.
_GRANTS: dict[str, dict[str, set[str]]] = {
    "approve": {"contents": {"read"}, "pull-requests": {"read"}, "statuses": {"write"}},
    "check": {"contents": {"read"}},
    "deploy": {
        "contents": {"read"},
        "id-token": {"write"},
        "packages": {"read", "write"},
        "pull-requests": {"read"},
    },
}
_RUNNER = re.compile(r"ubuntu-[0-9]{2}\.[0-9]{2}")
_NEEDED = re.compile(r"\bneeds\.([a-z][a-z0-9_-]*)\.(?:outputs\.([a-z][a-z0-9_-]*))?")
_STEP = re.compile(r"\bsteps\.([a-z][a-z0-9_-]*)\.")
# What a pull request is held against, by the end of a line of a script.
_CHECKS = {"--check": "drift", "lint": "the linters", "migrations check": "revisions that meet"}
_ALWAYS = "${{ always() }}"
_LONGEST_MINUTES = 360
_PINNED = re.compile(r"@sha256:[0-9a-f]{64}$")
_LOCAL_PORT = re.compile(r"127\.0\.0\.1:[0-9]+:[0-9]+")


def kind_of(path: str) -> str:
    """Return what the workflow at `path` is for: approve, check or deploy."""
    name = path.rpartition("/")[2]
    return "deploy" if "-deploy-" in name else "approve" if "-approve-" in name else "check"


def check(workflow: Document) -> Iterator[Finding]:
    """Check a workflow and its jobs; what its steps do is checked elsewhere."""
    kind = kind_of(workflow.file)
    yield from _events(workflow, kind)
    yield from _concurrency(workflow, kind)
    if workflow.at("permissions") != {}:
        yield workflow.breaks("workflow-permissions", "found rights of every job", "permissions")
    if workflow.at("defaults", "run", "shell") != "bash":
        yield workflow.breaks("workflow-shell", "found another shell than bash", "defaults", "run", "shell")
    jobs = mapping(workflow.at("jobs"))
    for name, value in jobs.items():
        job = mapping(value)
        yield from _rights(workflow, name, job, kind)
        yield from _limits(workflow, name, job)
        yield from _needs(workflow, name, job, jobs)
        yield from _images(workflow, name, job)
    yield from _reports(workflow, jobs, kind)


def _events(workflow: Document, kind: str) -> Iterator[Finding]:
    events, expected = mapping(workflow.at("on")), _EVENTS[kind]
    for event in events.keys() - expected.keys():
        yield workflow.breaks("workflow-events", f"found the event {event}", "on", event)
    for event, filters in expected.items():
        found = mapping(events.get(event)).keys()
        if event in events and found != filters:
            odd = ", ".join(sorted(map(str, found ^ filters)))
            yield workflow.breaks("workflow-events", f"found other filters of {event}: {odd}", "on", event)
        elif event not in events:
            yield workflow.breaks("workflow-events", f"found no event {event}", "on")


def _concurrency(workflow: Document, kind: str) -> Iterator[Finding]:
    group = str(workflow.at("concurrency", "group"))
    # A deployment has one group per environment, a check one per pull request.
    grouped = "${{" not in group if kind == "deploy" else "${{ github." in group
    if not workflow.at("concurrency", "group") or not grouped:
        yield workflow.breaks("workflow-concurrency", f"found the group {group!r}", "concurrency", "group")
    if kind == "deploy" and workflow.at("concurrency", "cancel-in-progress") is not False:
        message = "found a deployment that a newer one cancels"
        yield workflow.breaks("workflow-concurrency", message, "concurrency", "cancel-in-progress")


def _rights(workflow: Document, name: str, job: dict[str, Any], kind: str) -> Iterator[Finding]:
    rights = job.get("permissions")
    if not isinstance(rights, dict):
        yield workflow.breaks("workflow-permissions", f"found {rights!r}", "jobs", name, "permissions")
    for scope, right in mapping(rights).items():
        if str(right) not in _GRANTS[kind].get(scope, ()):
            path = ("jobs", name, "permissions", scope)
            yield workflow.breaks("workflow-permissions", f"found {scope}: {right}", *path)


def _limits(workflow: Document, name: str, job: dict[str, Any]) -> Iterator[Finding]:
    at = ("jobs", name)
    minutes = job.get("timeout-minutes")
    if type(minutes) is not int or not 0 < minutes <= _LONGEST_MINUTES:
        yield workflow.breaks("workflow-timeout", f"found {minutes!r} minutes", *at, "timeout-minutes")
    if not _RUNNER.fullmatch(str(job.get("runs-on"))):
        yield workflow.breaks("workflow-runner", f"found {job.get('runs-on')!r}", *at, "runs-on")
    if "uses" in job or "strategy" in job:
        yield workflow.breaks("workflow-action", "found a job of another workflow", *at, "uses")
    if "concurrency" in job:
        yield workflow.breaks("workflow-concurrency", "found a group of one job", *at, "concurrency")
    if job.get("continue-on-error") is not None:
        message = "found a job whose failure does not count"
        yield workflow.breaks("workflow-failures", message, *at, "continue-on-error")


def _needs(workflow: Document, name: str, job: dict[str, Any], jobs: dict[str, Any]) -> Iterator[Finding]:
    needs = job.get("needs")
    needed = {needs} if isinstance(needs, str) else set(map(str, sequence(needs)))
    for other in sorted(needed - jobs.keys()):
        yield workflow.breaks("workflow-needs", f"found no job {other!r}", "jobs", name, "needs")
    steps = {str(find(step, "id")) for step in sequence(job.get("steps"))}
    for path, text in strings(job, ("jobs", name)):
        for message in _missing(text, needed, steps, jobs) if "${{" in text else ():
            yield workflow.breaks("workflow-needs", message, *path)


def _missing(text: str, needed: set[str], steps: set[str], jobs: dict[str, Any]) -> Iterator[str]:
    """Say what the expressions of a text read that is not there."""
    for job, output in _NEEDED.findall(text):
        if job not in needed:
            yield f"found an output of {job!r}, not waited for"
        elif output and output not in mapping(find(jobs.get(job), "outputs")):
            yield f"found no output {output!r} of {job!r}"
    for step in _STEP.findall(text):
        if step not in steps:
            yield f"found no step {step!r}"


def _images(workflow: Document, name: str, job: dict[str, Any]) -> Iterator[Finding]:
    for service, value in mapping(job.get("services")).items():
        at = ("jobs", name, "services", service)
        if not _PINNED.search(str(find(value, "image"))):
            message = f"found the image {find(value, 'image')!r}"
            yield workflow.breaks("workflow-images", message, *at, "image")
        for number, port in enumerate(sequence(find(value, "ports"))):
            if not _LOCAL_PORT.fullmatch(str(port)):
                yield workflow.breaks("workflow-images", f"found the port {port!r}", *at, "ports", number)
    if "container" in job:
        yield workflow.breaks("workflow-images", "found a container around a job", "jobs", name, "container")


def _reports(workflow: Document, jobs: dict[str, Any], kind: str) -> Iterator[Finding]:
    """Check the last job: what a branch rule asks for, or what tells how a deployment ended."""
    last = {"check": ("workflow-required", "required"), "deploy": ("workflow-notify", "notify")}.get(kind)
    if last is None or (last[1] not in jobs and kind == "deploy"):
        return
    rule, name = last
    at = ("jobs", name)
    others = [other for other in jobs if other != name]
    if sorted(map(str, sequence(find(jobs.get(name), "needs")))) != sorted(others):
        yield workflow.breaks(rule, f"found a job that {name!r} does not wait for", *at, "needs")
    if find(jobs.get(name), "if") != _ALWAYS:
        yield workflow.breaks(rule, f"found {name!r} skipped when another job fails", *at, "if")
    if kind == "check":
        script = str(find(jobs.get(name), "steps", 0, "run"))
        if '.value.result != "success"' not in script or "exit 1" not in script:
            yield workflow.breaks(rule, "found a check that fails for nothing", *at, "steps", 0, "run")
        scripts = "\n".join(str(find(step, "run")) for step in sequence(find(jobs.get("config"), "steps")))
        for words, what in _CHECKS.items():
            if f" {words}\n" not in scripts:
                message = f"found no check for {what}"
                yield workflow.breaks("workflow-checks", message, "jobs", "config", "name")
        for other in others:
            if "if" in mapping(jobs[other]):
                yield workflow.breaks(rule, "found a job that may be left out", "jobs", other, "if")
