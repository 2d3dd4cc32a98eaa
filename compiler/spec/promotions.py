"""Which environment gets the images of which: none leads nowhere, two to one place, or some in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note
from compiler.spec.kinds import IDENTIFIER
from compiler.spec.order import in_order
from compiler.spec.shown import choose, shown
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of, via

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from compiler.spec.source import Node


def promotions(environments: Mapping[str, Node], names: AbstractSet[str]) -> Iterator[Diagnostic]:
    """Refuse what is wrong about the promotions between the `environments`, given by name; `names` are those of all."""
    good: dict[str, Node] = {}
    for name, tree in environments.items():
        node = find(tree, "promote", "to")
        if node is None or not isinstance(node.value, str) or IDENTIFIER.fault(node.value):
            continue
        if find(tree, "deploy") is None or tier_of(tree) == "local":
            continue
        if node.value not in names:
            others = sorted(names - {name})
            yield Diagnostic(
                "unknown-environment",
                f"found {shown(node.value)}, which is not an environment",
                node.place,
                help=choose("environment", node.value, others),
            )
        elif fault := _target(name, node, node.value, environments):
            yield fault
        else:
            good[name] = node
    yield from _one_source_each(good)
    for cycle in in_order({name: {str(node.value)} for name, node in good.items()})[1]:
        yield _cycle(cycle, good)


def _target(name: str, node: Node, to: str, environments: Mapping[str, Node]) -> Diagnostic | None:
    target = environments.get(to)
    if target is None:
        return None
    if to == name:
        return Diagnostic(
            "not-allowed",
            f"found a promotion of {shown(name)} to itself",
            node.place,
            help="name the environment that gets these images next",
        )
    if find(target, "deploy") is None or tier_of(target) == "local" or via(target) == "helm":
        why, way_out = "which is not deployed", "name an environment with `via: argocd`"
        if via(target) == "helm":
            why = "which has no pins"
            way_out += "; with `via: helm` a merge into its branch deploys it"
        at = find(target, "deploy", "via")
        return Diagnostic(
            "not-allowed",
            f"found a promotion to {shown(to)}, {why}",
            node.place,
            (Note(f"how {shown(to)} is deployed", at.place),) if at else (),
            way_out,
        )
    return None


def _one_source_each(good: Mapping[str, Node]) -> Iterator[Diagnostic]:
    taken: dict[str, tuple[str, Node]] = {}
    for name, node in good.items():
        to = str(node.value)
        if to in taken:
            other, at = taken[to]
            yield Diagnostic(
                "not-allowed",
                f"found a second promotion to {shown(to)}",
                node.place,
                (Note(f"{shown(other)} is promoted there too", at.place),),
                "keep one of them: an environment gets its images from one other",
            )
        taken.setdefault(to, (name, node))


def _cycle(cycle: list[str], good: Mapping[str, Node]) -> Diagnostic:
    path = " to ".join(shown(name) for name in [*cycle, cycle[0]])
    notes = tuple(Note(f"{shown(name)} is promoted here", good[name].place) for name in cycle[1:])
    return Diagnostic(
        "cycle", f"found a promotion from {path}", good[cycle[0]].place, notes, "remove one of these lines"
    )
