"""Where environments are deployed: what is wrong in one of them, and what two of them claim at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.cluster import ACCESS
from compiler.spec.files import PLATFORM, pins_file
from compiler.spec.kinds import BRANCH, DURATION, IDENTIFIER, TIME, milliseconds, name_too_long
from compiler.spec.model import Migrations
from compiler.spec.policy import tier_of, via
from compiler.spec.shown import closest, listed, shown
from compiler.spec.spec import find
from compiler.spec.written import enabled_services, entries, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.spec.source import Node

# https://helm.sh/docs/topics/charts/: a release's name has at most 53 characters.
MAX_RELEASE = 53
MAX_JOB = 63
# Two hashes of eight hexadecimal digits, each behind a hyphen.
_HASHES = 18
# GitHub ends a job after 360 minutes; the limits above the runner's need their part of it.
MAX_DEADLINE_MS = 4 * 3_600_000
MIN_DEADLINE_MS = 10_000
_ONLY_DEPLOYED = ("promote", "smoke_tests", "approvals")


def own(tree: Node) -> Iterator[Diagnostic]:
    """Refuse what is wrong about the deployment of one environment."""
    yield from _deadline(tree)
    deploy = find(tree, "deploy")
    if deploy is None or tier_of(tree) == "local":
        yield from _undeployed(tree)
        return
    yield from _cluster(deploy)
    yield from _window(deploy)
    yield from _names(tree)
    yield from _smoke_tests(tree)
    yield from _of_its_way(tree)
    if find(tree, "repository") is None:
        yield Diagnostic(
            "missing-key",
            'found no "repository" in platform.yaml, which the deployment reads',
            Place(PLATFORM, 0, 0),
            (Note("an environment that is deployed", deploy.key_place),),
            'add "repository": such as https://github.com/acme/shop',
        )
    if via(tree) == "argocd":
        yield from _pins(tree)


def _unused(node: Node, why: str, way_out: str = "remove it") -> Diagnostic:
    return Diagnostic("unused-key", f"found a setting {why}", node.key_place or node.place, help=way_out)


def _undeployed(tree: Node) -> Iterator[Diagnostic]:
    deploy = find(tree, "deploy")
    if deploy is not None:
        yield _unused(deploy, "of a deployment in an environment that runs on a laptop")
    for key in _ONLY_DEPLOYED:
        if node := find(tree, key):
            yield _unused(node, "that only an environment with deploy reads", 'add "deploy", or remove it')
    for node in entries(tree, "images").values():
        yield _unused(node, "that only an environment with deploy reads")
        break


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
    given = [(key, node) for key in ACCESS if (node := find(deploy, "cluster", key))]
    if cluster is None or not isinstance(cluster.value, dict) or len(given) == 1:
        return
    if not given:
        yield Diagnostic(
            "missing-key",
            'found no way to reach the cluster in "cluster"',
            cluster.key_place or cluster.place,
            help=f"add one of {listed(list(ACCESS), 'or')}",
        )
        return
    (first, at), (second, node) = given[:2]
    yield Diagnostic(
        "duplicate-access",
        f"found {shown(second)} beside {shown(first)} as the way to reach the cluster",
        node.key_place or node.place,
        (Note("the first is here", at.key_place),),
        "keep one of them",
    )


def _window(deploy: Node) -> Iterator[Diagnostic]:
    begin, end = find(deploy, "window", "from"), find(deploy, "window", "until")
    if not begin or not end or TIME.fault(str(begin.value)) or TIME.fault(str(end.value)):
        return
    if str(begin.value) >= str(end.value):
        yield Diagnostic(
            "out-of-range",
            f"found a window that ends at {end.value}, before it begins",
            end.place,
            (Note(f"it begins at {begin.value}", begin.place),),
            "write a time of the same day after its beginning",
        )


def _names(tree: Node) -> Iterator[Diagnostic]:
    platform, name = find(tree, "platform"), find(tree, "environment")
    if not platform or not name or IDENTIFIER.fault(str(platform.value)) or IDENTIFIER.fault(str(name.value)):
        return
    release = f"{platform.value}-{name.value}"
    if len(release) > MAX_RELEASE:
        code, message, way_out = name_too_long(release, MAX_RELEASE, "a Helm release")
        yield Diagnostic(
            code, message, name.place, (Note("it starts with the platform's name", platform.place),), way_out
        )
    job = f"{platform.value}-migrations"
    if via(tree) == "argocd" and len(job) + _HASHES > MAX_JOB:
        code, message, way_out = name_too_long(job, MAX_JOB - _HASHES, "a Job whose name ends in two hashes")
        yield Diagnostic(
            code, message, platform.place, (Note("which `via: argocd` has", _via_place(tree)),), way_out
        )


def _via_place(tree: Node) -> Place:
    return (find(tree, "deploy", "via") or tree).place


def _smoke_tests(tree: Node) -> Iterator[Diagnostic]:
    services = dict(enabled_services(tree))
    node = find(tree, "smoke_tests")
    tests = node.value if node and isinstance(node.value, list) else []
    for test in tests:
        asked = find(test, "service")
        if asked and isinstance(asked.value, str) and asked.value not in services:
            meant = closest(asked.value, list(services))
            yield Diagnostic(
                "unknown-service",
                f"found {shown(asked.value)}, which is not a service of this environment",
                asked.place,
                help=f'write "{meant}"' if meant else f"the services are {listed(sorted(services))}",
            )


def _of_its_way(tree: Node) -> Iterator[Diagnostic]:
    """Refuse settings that only the other way of deploying reads."""
    way = via(tree)
    if way == "helm":
        for key in ("argocd", "sync"):
            if node := find(tree, "deploy", key):
                yield _unused(node, "that only `via: argocd` reads")
        for node in entries(tree, "images").values():
            yield _unused(node, "that only `via: argocd` reads: Helm gets the digests when it deploys")
            break
    node = find(tree, "rollback", "code")
    if way == "argocd" and node and node.place.file != PLATFORM:
        yield _unused(node, "that only `via: helm` reads: Argo CD brings no old release back")


def _pins(tree: Node) -> Iterator[Diagnostic]:
    known = entries(tree, "services")
    pins = entries(tree, "images")
    for service, node in pins.items():
        if service not in known:
            meant = closest(service, list(known))
            yield Diagnostic(
                "unknown-service",
                f"found {shown(service)}, which platform.yaml does not have",
                node.key_place or node.place,
                help=f'write "{meant}"' if meant else f"the services are {listed(sorted(known))}",
            )
    missing = sorted(
        name for name, _ in enabled_services(tree) if name not in pins and not IDENTIFIER.fault(name)
    )
    name = text(tree, "environment")
    if missing and name:
        command = " ".join(f"{service}=sha256:..." for service in missing)
        yield Diagnostic(
            "missing-pin",
            f"found no digest for {listed(missing)} in {pins_file(name)}",
            _via_place(tree),
            help=f"pin what shall run: gen image pin {command} -e {name}",
        )


def across(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a branch or a namespace that two environments claim, and a promotion that leads nowhere."""
    deployed = [tree for tree in trees.values() if find(tree, "deploy") and tier_of(tree) != "local"]
    yield from _one_branch_each(deployed)
    yield from _one_namespace_each(deployed)
    names = {text(tree, "environment"): tree for tree in trees.values()}
    for tree in deployed:
        yield from _promotion(tree, names)


def _one_branch_each(deployed: list[Node]) -> Iterator[Diagnostic]:
    taken: dict[str, tuple[str | None, Node]] = {}
    for tree in deployed:
        node = find(tree, "deploy", "branch")
        if node is None or not isinstance(node.value, str) or BRANCH.fault(node.value):
            continue
        if node.value in taken:
            other, at = taken[node.value]
            yield Diagnostic(
                "duplicate-branch",
                f"found the branch {shown(node.value)}, which {other} claims too",
                node.place,
                (Note(f"{other} is deployed from it", at.place),),
                "give each environment a branch of its own",
            )
        taken.setdefault(node.value, (text(tree, "environment"), node))


def _one_namespace_each(deployed: list[Node]) -> Iterator[Diagnostic]:
    taken: dict[tuple[str, str], tuple[str | None, Node]] = {}
    for tree in deployed:
        node, cluster = find(tree, "deploy", "namespace"), find(tree, "deploy", "cluster")
        if node is None or cluster is None or not isinstance(node.value, str):
            continue
        key = (repr(cluster.plain()), node.value)
        if key in taken:
            other, at = taken[key]
            yield Diagnostic(
                "duplicate-namespace",
                f"found the namespace {shown(node.value)} of a cluster that {other} has too",
                node.place,
                (Note(f"{other} runs there", at.place),),
                "give each environment a namespace or a cluster of its own",
            )
        taken.setdefault(key, (text(tree, "environment"), node))


def _promotion(tree: Node, names: dict[str | None, Node]) -> Iterator[Diagnostic]:
    node = find(tree, "promote", "to")
    if node is None or not isinstance(node.value, str) or IDENTIFIER.fault(node.value):
        return
    target = names.get(node.value)
    if target is None:
        others = sorted(name for name in names if name)
        meant = closest(node.value, others)
        yield Diagnostic(
            "unknown-environment",
            f"found {shown(node.value)}, which is not an environment",
            node.place,
            help=f'write "{meant}"' if meant else f"the environments are {listed(others)}",
        )
    elif target is tree or via(target) != "argocd":
        what = "itself" if target is tree else f"{shown(node.value)}, which has no pins"
        yield Diagnostic(
            "not-allowed",
            f"found a promotion to {what}",
            node.place,
            help="name another environment, one with via: argocd; with via: helm the branch itself is deployed",
        )
