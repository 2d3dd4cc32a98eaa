"""Where one environment is deployed: what is right alone and wrong together, and what nothing reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note
from compiler.spec.cluster import ACCESS, Argocd
from compiler.spec.files import PLATFORM
from compiler.spec.kinds import (
    DURATION,
    IDENTIFIER,
    TIME,
    milliseconds,
    name_too_long,
)
from compiler.spec.model import Migrations
from compiler.spec.shown import choose, listed, shown
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of, via
from compiler.spec.written import enabled_services, entries, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.spec.source import Node

# https://helm.sh/docs/topics/charts/: a release's name has at most 53 characters.
MAX_RELEASE = 53
# GitHub ends a job after 360 minutes; the limits above the runner's need their part of it.
MAX_DEADLINE_MS = 4 * 3_600_000
MIN_DEADLINE_MS = 10_000
# What only outputs of a deployment read, of the whole environment and of a service.
_ONLY_DEPLOYED = (
    ("promote",),
    ("smoke_tests",),
    ("approvals",),
    ("notify",),
    ("rollback", "code"),
    ("migrations", "deadline"),
)
_ONLY_DEPLOYED_OF_A_SERVICE = ("image", "replicas", "resources", "egress", "secret_name")


def own(tree: Node) -> Iterator[Diagnostic]:
    """Refuse what is wrong about the deployment of one environment."""
    yield from _deadline(tree)
    deploy = find(tree, "deploy")
    if deploy is None or tier_of(tree) == "local":
        yield from _undeployed(tree)
    elif isinstance(deploy.value, dict) and deploy.place.file != PLATFORM:
        yield from _cluster(deploy)
        yield from _window(deploy)
        yield from _namespace(deploy)
        yield from _release(tree)
        yield from _smoke_tests(tree)
        yield from _of_its_way(tree)


def _unused(node: Node, why: str, way_out: str = "remove it") -> Diagnostic:
    return Diagnostic("unused-key", f"found a setting {why}", node.key_place or node.place, help=way_out)


def _undeployed(tree: Node) -> Iterator[Diagnostic]:
    deploy = find(tree, "deploy")
    if deploy is not None:
        yield _unused(deploy, "of a deployment in an environment that runs on a laptop")
        return
    services = entries(tree, "services")
    locs = [("services", name, key) for name in services for key in _ONLY_DEPLOYED_OF_A_SERVICE]
    way_out = "remove it" if tier_of(tree) == "local" else 'add "deploy", or remove it'
    for loc in (*_ONLY_DEPLOYED, *locs):
        node = find(tree, *loc)
        if node and (node.key_place or node.place).file != PLATFORM:
            yield _unused(node, 'that only an environment with "deploy" reads', way_out)


def _deadline(tree: Node) -> Iterator[Diagnostic]:
    node = find(tree, "migrations", "deadline")
    if node is None or not isinstance(node.value, str) or DURATION.fault(node.value):
        return
    if not MIN_DEADLINE_MS <= milliseconds(node.value) <= MAX_DEADLINE_MS:
        yield Diagnostic(
            "out-of-range",
            f"found {shown(node.value)} for a whole run of the migrations",
            node.place,
            help=f"write 10s to 4h, such as {Migrations.model_fields['deadline'].default}",
        )


def _cluster(deploy: Node) -> Iterator[Diagnostic]:
    cluster = find(deploy, "cluster")
    given = [(key, node) for key, node in entries(deploy, "cluster").items() if key in ACCESS]
    if cluster is None or not isinstance(cluster.value, dict):
        return
    if not cluster.value:
        yield Diagnostic(
            "missing-key",
            'found no way to reach the cluster in "cluster"',
            cluster.key_place or cluster.place,
            help=f"add one of {listed(list(ACCESS), 'or')}",
        )
    for key, node in given[1:]:
        first, at = given[0]
        yield Diagnostic(
            "duplicate-access",
            f"found {shown(key)} as a second way to reach the cluster",
            node.key_place or node.place,
            (Note(f"the first is {shown(first)}", at.key_place),),
            "keep one of them",
        )


def _window(deploy: Node) -> Iterator[Diagnostic]:
    begin, end = find(deploy, "window", "from"), find(deploy, "window", "until")
    if not begin or not end or TIME.fault(str(begin.value)) or TIME.fault(str(end.value)):
        return
    if str(begin.value) >= str(end.value):
        yield Diagnostic(
            "out-of-range",
            f"found a window that ends at {end.value}, not after it begins",
            end.place,
            (Note(f"it begins at {begin.value}", begin.place),),
            "write a time of the same day after its beginning",
        )


def _namespace(deploy: Node) -> Iterator[Diagnostic]:
    node, argocd = find(deploy, "namespace"), text(deploy, "argocd", "namespace")
    if node is None or not isinstance(node.value, str):
        return
    why = None
    if node.value.startswith("kube-"):
        why = "which Kubernetes keeps for itself"
    elif text(deploy, "via") == "argocd" and node.value == (argocd or Argocd().namespace):
        why = "in which Argo CD itself runs"
    if why:
        yield Diagnostic(
            "reserved-name",
            f"found the namespace {shown(node.value)}, {why}",
            node.place,
            help="choose a namespace of the environment's own",
        )


def _release(tree: Node) -> Iterator[Diagnostic]:
    platform, name = find(tree, "platform"), find(tree, "environment")
    if not platform or not name or IDENTIFIER.fault(str(platform.value)) or IDENTIFIER.fault(str(name.value)):
        return
    release = f"{platform.value}-{name.value}"
    if len(release) > MAX_RELEASE:
        code, message, way_out = name_too_long(release, MAX_RELEASE, "a Helm release")
        yield Diagnostic(
            code, message, name.place, (Note("it starts with the platform's name", platform.place),), way_out
        )


def _smoke_tests(tree: Node) -> Iterator[Diagnostic]:
    services = dict(enabled_services(tree))
    node = find(tree, "smoke_tests")
    tests = node.value if node and services and isinstance(node.value, list) else []
    for test in tests:
        asked = find(test, "service")
        if asked and isinstance(asked.value, str) and asked.value not in services:
            disabled = find(tree, "services", asked.value, "enabled")
            yield Diagnostic(
                "unknown-service",
                f"found {shown(asked.value)}, which is not a service of this environment",
                asked.place,
                (Note("it is switched off here", disabled.place),) if disabled else (),
                help=choose("service", asked.value, sorted(services)),
            )


def _of_its_way(tree: Node) -> Iterator[Diagnostic]:
    """Refuse settings that only the other way of deploying reads."""
    way = via(tree)
    if way == "helm":
        for key in ("argocd", "sync"):
            if node := find(tree, "deploy", key):
                yield _unused(node, "that only `via: argocd` reads")
    node = find(tree, "rollback", "code")
    if way == "argocd" and node and node.place.file != PLATFORM:
        yield _unused(node, "that only `via: helm` reads", "remove it: Argo CD brings no old release back")
