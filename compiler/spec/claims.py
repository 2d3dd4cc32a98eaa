"""Deployed environments against each other: a branch and a namespace for each, and what all need of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.cluster import ACCESS, Argocd
from compiler.spec.files import PLATFORM, environment_of
from compiler.spec.kinds import BRANCH, IDENTIFIER, KUBERNETES_NAME, name_too_long
from compiler.spec.promotions import promotions
from compiler.spec.shown import shown
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of, via
from compiler.spec.written import entries, place, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from compiler.spec.source import Node

MAX_JOB = 63
# Two hashes of eight hexadecimal digits, each behind a hyphen.
_HASHES = 18


def across(trees: Mapping[str, Node], files: Iterable[str]) -> Iterator[Diagnostic]:
    """Refuse what two environments claim, what deployments lack of the platform, and promotions that lead nowhere.

    The `trees` are given by file; not all of the `files` have one.
    """
    environments = {name: tree for file, tree in trees.items() if (name := environment_of(file))}
    deployed = {
        name: tree
        for name, tree in environments.items()
        if (node := find(tree, "deploy")) and node.place.file != PLATFORM and tier_of(tree) != "local"
    }
    yield from _platform(deployed)
    yield from _one_branch_each(deployed)
    yield from _one_namespace_each(deployed)
    yield from promotions(environments, {name for name in map(environment_of, files) if name})


def _platform(deployed: Mapping[str, Node]) -> Iterator[Diagnostic]:
    for name, tree in deployed.items():
        if find(tree, "repository") is None:
            yield Diagnostic(
                "missing-key",
                'found no "repository" in platform.yaml, which deployments read',
                Place(PLATFORM, 0, 0),
                (Note(f"{shown(name)} is deployed", place(tree, "deploy")),),
                'add "repository": such as https://github.com/acme/shop',
            )
            break
    for tree in deployed.values():
        platform = find(tree, "platform")
        if via(tree) != "argocd" or platform is None or IDENTIFIER.fault(str(platform.value)):
            continue
        job = f"{platform.value}-migrations"
        if len(job) + _HASHES > MAX_JOB:
            code, message, way_out = name_too_long(
                job, MAX_JOB - _HASHES, "a Job whose name ends in two hashes"
            )
            note = Note("which an environment with `via: argocd` has", place(tree, "deploy", "via"))
            yield Diagnostic(code, message, platform.place, (note,), way_out)
            break


def _one_branch_each(deployed: Mapping[str, Node]) -> Iterator[Diagnostic]:
    taken: dict[str, tuple[str, Node]] = {}
    for name, tree in deployed.items():
        node = find(tree, "deploy", "branch")
        if node is None or not isinstance(node.value, str) or BRANCH.fault(node.value):
            continue
        if node.value in taken:
            other, at = taken[node.value]
            yield Diagnostic(
                "duplicate-branch",
                f"found the branch {shown(node.value)} for {shown(name)}, which {shown(other)} claims too",
                node.place,
                (Note(f"{shown(other)} is deployed from it", at.place),),
                "give each environment a branch of its own",
            )
        taken.setdefault(node.value, (name, node))


def _one_namespace_each(deployed: Mapping[str, Node]) -> Iterator[Diagnostic]:
    taken: dict[tuple[str, ...], tuple[str, Node]] = {}
    for name, tree in deployed.items():
        node = find(tree, "deploy", "namespace")
        if node is None or not isinstance(node.value, str) or KUBERNETES_NAME.fault(node.value):
            continue
        claims = [(*cluster, node.value) for cluster in _clusters(tree)]
        both = [taken[claim] for claim in claims if claim in taken]
        if both:
            other, at = both[0]
            yield Diagnostic(
                "duplicate-namespace",
                f"found the namespace {shown(node.value)} for {shown(name)}, "
                f"which {shown(other)} has in the same cluster",
                node.place,
                (
                    Note(f"{shown(other)} has it here", at.place),
                    Note(f"the cluster of {shown(name)}", place(tree, "deploy", "cluster")),
                ),
                "give each environment a namespace or a cluster of its own",
            )
        for claim in claims:
            taken.setdefault(claim, (name, node))


def _clusters(tree: Node) -> Iterator[tuple[str, ...]]:
    """Yield what tells the environment's cluster from others, in each way that it is known: not who reaches it."""
    for access, node in entries(tree, "deploy", "cluster").items():
        known = _cluster(access, node) if access in ACCESS else ("",)
        if all(known):
            yield (access, *known)
    server = text(tree, "deploy", "argocd", "server")
    if via(tree) == "argocd" and server and server != Argocd().server:
        yield "server", server


def _cluster(access: str, node: Node) -> tuple[str, ...]:
    def part(key: str) -> str:
        return text(node, key) or ""

    if access == "aws":
        # The account is the fifth part of a role's ARN.
        account = part("role").split(":")[4:5]
        return (*(account or [""]), part("region"), part("name"))
    if access == "google":
        project = part("service_account").partition("@")[2]
        return project, part("location"), part("name")
    if access == "azure":
        # Azure does not tell upper case from lower case.
        return part("subscription"), part("resource_group").casefold(), part("name").casefold()
    return (node.value if isinstance(node.value, str) else "",)
