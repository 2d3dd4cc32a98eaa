"""The migration Job of a chart against what makes it run once, in order, in time, and readable when it fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compiler.verify.chart import DIGESTS, POD, image_of
from compiler.verify.document import find, mapping, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.chart import Chart
    from compiler.verify.document import Document
    from compiler.verify.finding import Finding

_HASHED = re.compile(rf"[a-z0-9-]+-[0-9a-f]{{8}}-{re.escape(DIGESTS)}")
_DEADLINE = re.compile(r"--deadline=([0-9]+)")
# The runner's exit codes that another try cannot cure.
_PERMANENT = [str(code) for code in (1, 2, 5, 6, 7, 8, 9)]
_SHARED = {"plan", "runner", "exchange"}
_GRACE_S = 60
_TRIES = {"helm": 0, "argocd": 3}
# rule, path below the Job, the allowed values (None = nothing is written there)
_FIELDS: tuple[tuple[str, tuple[str | int, ...], tuple[Any, ...]], ...] = (
    ("job-kept", ("spec", "ttlSecondsAfterFinished"), (None,)),
    ("job-alone", ("spec", "podReplacementPolicy"), ("Failed",)),
    ("job-alone", ("spec", "parallelism"), (None, 1)),
    ("job-alone", ("spec", "completions"), (None, 1)),
    ("job-alone", ("spec", "suspend"), (None, False)),
    ("job-restarts", (*POD, "restartPolicy"), ("Never",)),
)
_ANNOTATIONS = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
    "linkerd.io/inject": "disabled",
    "sidecar.istio.io/inject": "false",
}
# What lets a Job of Argo CD outlive the release that it migrated for; nothing of it starts a Job again.
_KEPT = {
    "argocd.argoproj.io/sync-options": "Prune=false",
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    "argocd.argoproj.io/ignore-healthcheck": "true",
}


def exists(chart: Chart) -> Iterator[Finding]:
    """Check that there is a migration Job where there are migrations, and only there."""
    jobs = chart.of("Job")
    if len(jobs) != (1 if chart.migrating else 0) and chart.plan:
        yield chart.plan.breaks("job-exists", f"found {len(jobs)} migration Jobs", "services")


def check(chart: Chart) -> Iterator[Finding]:
    """Check the migration Job of a chart."""
    for job in chart.of("Job"):
        driven = list(_driver(job))
        yield from driven
        yield from _fields(job)
        yield from _envelope(job, chart.argocd)
        if not driven:
            yield from _deadlines(job)
            yield from _failures(job)
            yield from _workers(job, chart)
            yield from _mounts(job)


def _fields(job: Document) -> Iterator[Finding]:
    for rule, path, allowed in _FIELDS:
        if job.at(*path) not in allowed:
            yield job.breaks(rule, f"found {path[-1]}: {job.at(*path)!r}", *path)
    grace = job.at(*POD, "terminationGracePeriodSeconds")
    if not isinstance(grace, int) or grace < _GRACE_S:
        yield job.breaks("job-grace", f"found {grace!r} seconds", *POD, "terminationGracePeriodSeconds")
    annotations = mapping(job.at("spec", "template", "metadata", "annotations"))
    for name, value in _ANNOTATIONS.items():
        if annotations.get(name) != value:
            path = ("spec", "template", "metadata", "annotations", name)
            yield job.breaks("job-undisturbed", f"found no {name}: {value}", *path)


def _envelope(job: Document, argocd: bool) -> Iterator[Finding]:
    tries = _TRIES["argocd" if argocd else "helm"]
    if job.at("spec", "backoffLimit") != tries:
        found = job.at("spec", "backoffLimit")
        yield job.breaks("job-retries", f"found {found!r} instead of {tries}", "spec", "backoffLimit")
    if bool(_HASHED.fullmatch(job.name)) != argocd or (DIGESTS in job.name) != argocd:
        yield job.breaks("job-name", f"found the name {job.name!r}", "metadata", "name")
    for name, value in _KEPT.items() if argocd else ():
        if job.annotations.get(name) != value:
            path = ("metadata", "annotations", name)
            yield job.breaks("job-kept", f"found {name}: {job.annotations.get(name)!r}", *path)


def _failures(job: Document) -> Iterator[Finding]:
    at = ("spec", "podFailurePolicy", "rules")
    ignored, failed = find(job.at(*at), 0), find(job.at(*at), 1)
    condition = find(ignored, "onPodConditions", 0)
    if find(ignored, "action") != "Ignore" or condition != {"type": "DisruptionTarget", "status": "True"}:
        yield job.breaks("job-failures", "found no second try for a pod that is evicted", *at, 0, "action")
    codes = mapping(find(failed, "onExitCodes"))
    ends = find(failed, "action") == "FailJob" and codes.get("operator") == "In"
    first = job.at(*POD, "containers", 0, "name")
    if (
        not ends
        or sorted(map(str, sequence(codes.get("values")))) != _PERMANENT
        or codes.get("containerName") != first
    ):
        yield job.breaks("job-failures", "found failures that are tried again in vain", *at, 1, "action")


def _driver(job: Document) -> Iterator[Finding]:
    words = sequence(job.at(*POD, "containers", 0, "command"))
    if "upgrade" not in words or "--workers=external" not in words:
        yield job.breaks("job-driver", "found another first container", *POD, "containers", 0, "name")
    if job.at(*POD, "initContainers"):
        yield job.breaks("job-driver", "found containers before the driver", *POD, "initContainers")


def _deadlines(job: Document) -> Iterator[Finding]:
    runner, limit = runner_deadline(job), job.at("spec", "activeDeadlineSeconds")
    pod = job.at(*POD, "activeDeadlineSeconds")
    if runner is None or not isinstance(limit, int) or runner >= limit:
        message = f"found {limit!r} seconds for the Job, {runner!r} for the runner in it"
        yield job.breaks("job-deadlines", message, "spec", "activeDeadlineSeconds")
    elif not isinstance(pod, int) or not runner < pod < limit:
        message = (
            f"found {pod!r} seconds for the pod, {runner!r} for the runner in it and {limit} for its Job"
        )
        yield job.breaks("job-deadlines", message, *POD, "activeDeadlineSeconds")


def runner_deadline(job: Document) -> int | None:
    """Return the seconds after which the driver of a migration Job ends."""
    words = sequence(job.at(*POD, "containers", 0, "command"))
    return next((int(match[1]) for word in words if (match := _DEADLINE.fullmatch(str(word)))), None)


def _workers(job: Document, chart: Chart) -> Iterator[Finding]:
    containers = sequence(job.at(*POD, "containers"))
    expected = [str(find(service, "name")) for service in chart.migrating]
    found = [_served(container) for container in containers[1:]]
    if found != expected and chart.plan:
        number = next(
            (n for n, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b),
            min(len(found), len(expected)),
        )
        message = f"found workers for {', '.join(found) or 'no service'} instead of {', '.join(expected)}"
        yield job.breaks("job-workers", message, *POD, "containers", number + 1, "name")
    for number, (container, service) in enumerate(zip(containers[1:], found, strict=True), 1):
        image = image_of(container)
        if image and image != service:
            path = (*POD, "containers", number, "image")
            yield job.breaks("job-workers", f"found the image of {image!r} for {service!r}", *path)


def _served(container: Any) -> str:
    words = sequence(find(container, "command"))
    services = [str(word).partition("=")[2] for word in words if str(word).startswith("--service=")]
    return services[0] if len(services) == 1 and "worker" in words else "?"


def _mounts(job: Document) -> Iterator[Finding]:
    for number, container in enumerate(sequence(job.at(*POD, "containers"))):
        mounted = {str(find(mount, "name")) for mount in sequence(find(container, "volumeMounts"))}
        missing = sorted(_SHARED - mounted)
        if missing:
            path = (*POD, "containers", number, "volumeMounts")
            yield job.breaks("job-mounts", f"found a container without {missing[0]!r}", *path)
