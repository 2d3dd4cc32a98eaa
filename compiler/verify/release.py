"""The order of a release: what is there before what, what stays, and what a pod waits for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from compiler.verify.chart import POD, containers, image_of, references, service_of
from compiler.verify.document import find, mapping, sequence
from compiler.verify.network import chosen
from compiler.verify.text import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.chart import Chart
    from compiler.verify.document import Document
    from compiler.verify.finding import Finding

_HOOK, _WEIGHT, _POLICY = "helm.sh/hook", "helm.sh/hook-weight", "helm.sh/hook-delete-policy"
_WAVE = "argocd.argoproj.io/sync-wave"
_EVENTS = {"pre-install", "pre-upgrade"}
_HASH_LENGTH = 8
_RUNNER = ["python3", "-m", "genmigrate"]


def check(chart: Chart) -> Iterator[Finding]:
    """Check in which order a release creates its objects, and what each of them finds when it comes."""
    for document in chart.objects:
        yield from _envelope(document, chart.argocd)
    for job in chart.of("Job"):
        yield from _first(job, chart.argocd)
        yield from _closure(job, chart)
    first = min((_order(job, chart.argocd) for job in chart.of("Job")), default=0)
    needed = {id(document) for job in chart.of("Job") for document, _ in _needs(job, chart)}
    for document in chart.objects:
        if document.kind != "Job" and id(document) not in needed:
            yield from _ordinary(document, chart.argocd, first)
    yield from _files(chart)
    yield from _gates(chart)
    yield from _access(chart)
    yield from _commands(chart)


def _events(document: Document) -> set[str]:
    hook = document.annotations.get(_HOOK)
    return {event.strip() for event in str(hook).split(",")} if hook else set()


def _order(document: Document, argocd: bool) -> int:
    """Return the weight of a hook or the wave of an object; 0 is where ordinary objects are."""
    order = document.annotations.get(_WAVE if argocd else _WEIGHT, "0")
    try:
        return int(str(order))
    except ValueError:
        return 0


def _envelope(document: Document, argocd: bool) -> Iterator[Finding]:
    for name in document.annotations:
        ours = name.startswith("argocd.argoproj.io/") if argocd else name.startswith("helm.sh/")
        theirs = name.startswith("helm.sh/") if argocd else name.startswith("argocd.argoproj.io/")
        if theirs or (ours and name.startswith("argocd.argoproj.io/hook")):
            yield document.breaks(
                "hook-kind", f"found the annotation {name}", "metadata", "annotations", name
            )
    policy = document.annotations.get(_POLICY)
    if not argocd and _events(document) and policy != "before-hook-creation":
        path = ("metadata", "annotations", _POLICY)
        yield document.breaks("hook-policy", f"found a hook with the policy {policy!r}", *path)


def _first(job: Document, argocd: bool) -> Iterator[Finding]:
    at = ("metadata", "annotations")
    if argocd:
        if _order(job, argocd) >= 0:
            yield job.breaks("job-order", f"found the wave {_order(job, argocd)}", *at, _WAVE)
    elif _events(job) != _EVENTS:
        found = ", ".join(sorted(_events(job))) or "no hook"
        yield job.breaks("job-order", f"found {found}", *at, _HOOK)


def _needs(job: Document, chart: Chart) -> Iterator[tuple[Document, str]]:
    """Yield every object of the chart that must be there before the Job's pod, and what it is to it."""
    wanted = {(kind, name) for kind, name, _ in references(job)}
    for document in chart.objects:
        if (document.kind, document.name) in wanted:
            yield document, "is used by"
        elif document.kind == "NetworkPolicy" and _rules(document, job):
            yield document, "rules the connections of"


def _rules(policy: Document, job: Document) -> bool:
    selector = policy.at("spec", "podSelector")
    return bool(find(selector, "matchLabels")) and chosen(selector, job)


def _closure(job: Document, chart: Chart) -> Iterator[Finding]:
    key = _WAVE if chart.argocd else _WEIGHT
    for document, what in _needs(job, chart):
        is_hook = chart.argocd or _events(document) >= _EVENTS
        if not is_hook or _order(document, chart.argocd) >= _order(job, chart.argocd):
            message = f"found the {document.kind} {document.name!r} after the Job; it {what} the Job"
            yield document.breaks(
                "job-closure", message, "metadata", "annotations", key if is_hook else _HOOK
            )


def _ordinary(document: Document, argocd: bool, first: int) -> Iterator[Finding]:
    at = ("metadata", "annotations")
    if argocd and _order(document, argocd) <= first < 0:
        message = f"found the {document.kind} in the wave {_order(document, argocd)}"
        yield document.breaks("workload-order", message, *at, _WAVE)
    elif not argocd and _events(document):
        yield document.breaks("workload-order", f"found the {document.kind} as a hook", *at, _HOOK)


def _files(chart: Chart) -> Iterator[Finding]:
    for files in chart.of("ConfigMap"):
        kept = {"argocd.argoproj.io/sync-options": "Prune=false"}
        kept["argocd.argoproj.io/compare-options"] = "IgnoreExtraneous"
        for name, value in kept.items() if chart.argocd else ():
            if files.annotations.get(name) != value:
                path = ("metadata", "annotations", name)
                yield files.breaks("files-kept", f"found files without {value}", *path)
        if files.at("immutable") is not True:
            yield files.breaks("files-kept", "found files that may change under a running pod", "immutable")
        data = mapping(files.at("data"))
        if "plan.json" in data:
            yield from _plan(files, str(data["plan.json"]), chart)
        elif chart.modules and data.keys() != chart.modules:
            odd = sorted(data.keys() ^ chart.modules)[0]
            yield files.breaks("files-named", f"found another runner: {odd} is in one of the two", "data")


def _plan(files: Document, spelt: str, chart: Chart) -> Iterator[Finding]:
    text = unquote(spelt) if spelt.startswith('"') else spelt
    if chart.plan and text != chart.plan_text:
        yield files.breaks("files-named", "found another plan than plan.json", "data", "plan.json")
    elif not files.name.endswith("-" + hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]):
        message = f"found the name {files.name!r}, which is not of this content"
        yield files.breaks("files-named", message, "metadata", "name")


def _gates(chart: Chart) -> Iterator[Finding]:
    migrating = {str(find(service, "name")) for service in chart.migrating}
    job = next(iter(chart.of("Job")), None)
    for deployment in chart.of("Deployment"):
        service = service_of(deployment)
        if service not in migrating:
            continue
        gate = deployment.at(*POD, "initContainers", 0)
        words = sequence(find(gate, "command"))
        ours = find(gate, "image") == deployment.at(*POD, "containers", 0, "image")
        if not {"wait", "--at-least", f"--service={service}"} <= set(map(str, words)) or not ours:
            path = (*POD, "initContainers", 0, "command") if gate else (*POD, "containers", 0, "name")
            yield deployment.breaks("gate", f"found no gate before {service!r}", *path)
        files = _mounted_files(deployment)
        if gate and job and files != _mounted_files(job):
            yield deployment.breaks("gate-plan", "found other files than the Job's", *POD, "volumes")


def _mounted_files(document: Document) -> dict[str, str]:
    volumes = sequence(document.at(*POD, "volumes"))
    return {
        str(find(volume, "name")): str(find(volume, "configMap", "name"))
        for volume in volumes
        if find(volume, "configMap") is not None
    }


def _access(chart: Chart) -> Iterator[Finding]:
    """Check tenants and URLs of all that migrates or waits for migrations."""
    urls = {str(find(service, "name")): str(find(service, "url_env")) for service in chart.migrating}
    name = str(chart.plan.at("tenants_env")) if chart.plan else None
    tenants = ",".join(map(str, sequence(chart.plan.at("tenants")))) if chart.plan else ""
    for document in chart.workloads:
        for path, container in containers(document):
            words = list(map(str, sequence(container.get("command"))))
            served = [word.partition("=")[2] for word in words if word.startswith("--service=")]
            # The driver talks to its workers only. Whatever else is of a migrating service needs what that needs.
            is_driver = document.kind == "Job" and path[-1] == 0
            if is_driver or not (served or image_of(container) in urls):
                continue
            variables = {str(find(one, "name")): one for one in sequence(container.get("env"))}
            if name and find(variables.get(name), "value") != tenants:
                number = list(variables).index(name) if name in variables else 0
                at = (*path, "env", number, "value")
                yield document.breaks("migration-access", "found other tenants than the plan's", *at)
            # That the image is of another service is a finding of its own.
            wanted = [urls[name] for name in (*served, image_of(container)) if name in urls]
            secrets = [(find(variables.get(url), "valueFrom", "secretKeyRef", "key"), url) for url in wanted]
            if wanted and not any(key == url for key, url in secrets):
                message = f"found no Secret that gives {wanted[0]}"
                referring = [n for n, one in enumerate(variables.values()) if find(one, "valueFrom")]
                at = (*path, "env", *((referring[0], "name") if referring else ()))
                yield document.breaks("migration-access", message, *at)


def _commands(chart: Chart) -> Iterator[Finding]:
    """Check that what runs the runner finds it, the plan and the exchange where they are mounted."""
    for document in chart.workloads:
        for path, container in containers(document):
            mounts = {
                str(find(mount, "name")): str(find(mount, "mountPath"))
                for mount in sequence(container.get("volumeMounts"))
            }
            if not {"plan", "runner"} <= mounts.keys():
                continue
            words = list(map(str, sequence(container.get("command"))))
            wanted = [f"--plan={mounts['plan']}/plan.json"]
            wanted += [f"--exchange={mounts['exchange']}"] if "exchange" in mounts else []
            missing = [word for word in wanted if word not in words]
            if words[:3] != _RUNNER:
                missing.append(" ".join(_RUNNER))
            if missing:
                message = f"found no {missing[0]}"
                yield document.breaks("migration-command", message, *path, "command")
            folder = {"name": "PYTHONPATH", "value": mounts["runner"].rpartition("/")[0]}
            if folder not in sequence(container.get("env")):
                yield document.breaks(
                    "migration-command", f"found no runner in {folder['value']}", *path, "env"
                )
