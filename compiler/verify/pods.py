"""The pods of a chart against Pod Security `restricted`, and the stricter rules of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compiler.verify.chart import IMAGE, POD, containers
from compiler.verify.document import find, mapping, sequence
from compiler.verify.secrets import gives_secret, holds_secret, names_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.chart import Chart
    from compiler.verify.document import Document
    from compiler.verify.finding import Finding, Path

_CONTEXT = "securityContext"
_PROFILES = ("RuntimeDefault", "Localhost")
_NONE: tuple[Any, ...] = (None, {}, [])
# What may stand in the specification of a pod: rule, path, the allowed values (None = nothing is written there).
_OF_POD: tuple[tuple[str, Path, tuple[Any, ...]], ...] = (
    ("pod-host-namespace", ("hostNetwork",), (None, False)),
    ("pod-host-namespace", ("hostPID",), (None, False)),
    ("pod-host-namespace", ("hostIPC",), (None, False)),
    ("pod-share-process", ("shareProcessNamespace",), (None, False)),
    ("pod-debug-container", ("ephemeralContainers",), _NONE),
    ("pod-token", ("automountServiceAccountToken",), (False,)),
    ("pod-service-links", ("enableServiceLinks",), (False,)),
    ("pod-account", ("serviceAccount",), (None,)),
    ("pod-user", (_CONTEXT, "runAsNonRoot"), (True,)),
    ("pod-seccomp", (_CONTEXT, "seccompProfile", "type"), _PROFILES),
    ("pod-apparmor", (_CONTEXT, "appArmorProfile", "type"), (None, *_PROFILES)),
    ("pod-sysctls", (_CONTEXT, "sysctls"), _NONE),
    ("pod-selinux", (_CONTEXT, "seLinuxOptions"), _NONE),
    ("pod-host-process", (_CONTEXT, "windowsOptions"), _NONE),
)
_OF_CONTAINER: tuple[tuple[str, Path, tuple[Any, ...]], ...] = (
    ("pod-privileged", (_CONTEXT, "privileged"), (None, False)),
    ("pod-escalation", (_CONTEXT, "allowPrivilegeEscalation"), (False,)),
    ("pod-root-file-system", (_CONTEXT, "readOnlyRootFilesystem"), (True,)),
    ("pod-capabilities", (_CONTEXT, "capabilities", "drop"), (["ALL"],)),
    ("pod-capabilities", (_CONTEXT, "capabilities", "add"), _NONE),
    ("pod-proc-mount", (_CONTEXT, "procMount"), (None, "Default")),
    ("pod-user", (_CONTEXT, "runAsNonRoot"), (None, True)),
    ("pod-seccomp", (_CONTEXT, "seccompProfile", "type"), (None, *_PROFILES)),
    ("pod-apparmor", (_CONTEXT, "appArmorProfile", "type"), (None, *_PROFILES)),
    ("pod-selinux", (_CONTEXT, "seLinuxOptions"), _NONE),
    ("pod-host-process", (_CONTEXT, "windowsOptions"), _NONE),
    ("pod-image", ("imagePullPolicy",), ("Always",)),
)
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_AMOUNTS = {"cpu", "memory", "ephemeral-storage"}
_FIRST_USER = 10_000
_PINNED = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")
_READ_ONLY = {"plan", "runner"}


def check(chart: Chart) -> Iterator[Finding]:
    """Check every pod of a chart, and the accounts that the pods have."""
    for document in chart.workloads:
        yield from _pod(document)
        for path, container in containers(document):
            yield from _container(document, path, container)
    for document in chart.of("Deployment"):
        yield from _probed(document)
    for account in chart.of("ServiceAccount"):
        if account.at("automountServiceAccountToken") is not False:
            yield account.breaks(
                "pod-token", "found an account whose token is mounted", "automountServiceAccountToken"
            )


def _expected(
    document: Document, at: Path, value: Any, table: tuple[tuple[str, Path, tuple[Any, ...]], ...]
) -> Iterator[Finding]:
    for rule, path, allowed in table:
        found = find(value, *path)
        # 1 is no true and 0 is no false, although Python finds them equal.
        if found not in allowed or type(found) is int:
            yield document.breaks(rule, f"found {'.'.join(map(str, path))}: {_shown(found)}", *at, *path)


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def _pod(document: Document) -> Iterator[Finding]:
    spec = mapping(document.at(*POD))
    yield from _expected(document, POD, spec, _OF_POD)
    yield from _users(document, POD, spec, True)
    if spec.get("serviceAccountName") in (None, "", "default"):
        yield document.breaks("pod-account", "found the default account", *POD, "serviceAccountName")
    for name, profile in mapping(document.at("spec", "template", "metadata", "annotations")).items():
        if "apparmor" in name or ("seccomp" in name and profile != "runtime/default"):
            path = ("spec", "template", "metadata", "annotations", name)
            rule = "pod-apparmor" if "apparmor" in name else "pod-seccomp"
            yield document.breaks(rule, f"found the annotation {name}: {profile}", *path)
    for number, volume in enumerate(sequence(spec.get("volumes"))):
        yield from _volume(document, (*POD, "volumes", number), mapping(volume))


def _volume(document: Document, path: Path, volume: dict[str, Any]) -> Iterator[Finding]:
    kinds = volume.keys() - {"name"}
    if len(kinds) != 1 or not kinds <= _VOLUMES:
        yield document.breaks("pod-volumes", f"found a volume of the kind {', '.join(sorted(kinds))}", *path)
    if "emptyDir" in volume and not find(volume, "emptyDir", "sizeLimit"):
        yield document.breaks("pod-volumes", "found an empty folder without a limit", *path, "emptyDir")
    for source in sequence(find(volume, "projected", "sources")):
        if find(source, "serviceAccountToken") is not None:
            yield document.breaks(
                "pod-volumes", "found a token of the cluster's API as a file", *path, "projected"
            )


def _users(document: Document, at: Path, value: Any, required: bool) -> Iterator[Finding]:
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        user = find(value, _CONTEXT, name)
        if (user is None and required) or (
            user is not None and not (type(user) is int and user >= _FIRST_USER)
        ):
            yield document.breaks("pod-user", f"found {name}: {_shown(user)}", *at, _CONTEXT, name)
    groups = find(value, _CONTEXT, "supplementalGroups")
    if groups and any(not isinstance(group, int) or group < _FIRST_USER for group in sequence(groups)):
        yield document.breaks("pod-user", "found a group of the system", *at, _CONTEXT, "supplementalGroups")


def _container(document: Document, path: Path, container: dict[str, Any]) -> Iterator[Finding]:
    yield from _expected(document, path, container, _OF_CONTAINER)
    yield from _users(document, path, container, False)
    image = str(container.get("image"))
    if not IMAGE.fullmatch(image) and not _PINNED.fullmatch(image):
        yield document.breaks("pod-image", f"found the image {image!r}", *path, "image")
    for number, port in enumerate(sequence(container.get("ports"))):
        if find(port, "hostPort") or find(port, "hostIP"):
            yield document.breaks("pod-host-port", "found a port of the node", *path, "ports", number)
    for kind in ("requests", "limits"):
        amounts = mapping(find(container, "resources", kind))
        if not amounts.keys() >= _AMOUNTS or not all(amounts.values()):
            yield document.breaks("pod-resources", f"found incomplete {kind}", *path, "resources", kind)
    yield from _hosts(document, path, container)
    yield from _secrets(document, path, container)
    yield from _mounts(document, path, container)


def _hosts(document: Document, path: Path, container: dict[str, Any]) -> Iterator[Finding]:
    asked = [(probe,) for probe in ("livenessProbe", "readinessProbe", "startupProbe") if probe in container]
    handlers = [("lifecycle", when) for when in mapping(container.get("lifecycle"))]
    for where in (*asked, *handlers):
        for way in ("httpGet", "tcpSocket"):
            if find(container, *where, way, "host"):
                yield document.breaks("pod-probe-host", "found another host", *path, *where, way, "host")


def _secrets(document: Document, path: Path, container: dict[str, Any]) -> Iterator[Finding]:
    for number, variable in enumerate(sequence(container.get("env"))):
        value = find(variable, "value")
        if value and (names_secret(str(find(variable, "name"))) or holds_secret(str(value))):
            yield document.breaks(
                "pod-secret-literal",
                f"found a value for {find(variable, 'name')}, which a Secret should give",
                *path,
                "env",
                number,
                "name",
            )
    for kind in ("command", "args"):
        for number, word in enumerate(sequence(container.get(kind))):
            if gives_secret(str(word)):
                yield document.breaks(
                    "pod-secret-literal", "found a secret as an argument", *path, kind, number
                )


def _mounts(document: Document, path: Path, container: dict[str, Any]) -> Iterator[Finding]:
    volumes = {str(find(volume, "name")) for volume in sequence(document.at(*POD, "volumes"))}
    for number, mount in enumerate(sequence(container.get("volumeMounts"))):
        name = str(find(mount, "name"))
        if name not in volumes:
            yield document.breaks("pod-mounts", f"found no volume {name!r}", *path, "volumeMounts", number)
        elif name in _READ_ONLY and find(mount, "readOnly") is not True:
            yield document.breaks(
                "pod-mounts", f"found {name!r} to be written", *path, "volumeMounts", number
            )


def _probed(document: Document) -> Iterator[Finding]:
    for number, container in enumerate(sequence(document.at(*POD, "containers"))):
        alive, ready = find(container, "livenessProbe"), find(container, "readinessProbe")
        if not alive or not ready or alive == ready:
            path = (*POD, "containers", number)
            yield document.breaks("pod-probes", "found no two probes that differ", *path, "readinessProbe")
