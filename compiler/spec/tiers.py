"""What kind of environment each is, by what is written or by its name, and how it is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note
from compiler.spec.shown import shown
from compiler.spec.spec import find
from compiler.spec.written import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.spec.source import Node

TIERS = ("local", "preview", "staging", "production")


def tier_of(tree: Node) -> str | None:
    """Return the tier that is written, or the one that the name says: the name, or its part before the first `-`."""
    written = text(tree, "tier")
    if written is not None:
        return written if written in TIERS else None
    stem = (text(tree, "environment") or "").split("-")[0]
    return stem if stem in TIERS else None


def via(tree: Node) -> str | None:
    """Return how the environment is deployed; nothing where it is not."""
    return text(tree, "deploy", "via")


def tiers(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse an environment whose tier nothing says, and a second local one."""
    local: list[tuple[str, Node]] = []
    for tree in trees.values():
        name, node = text(tree, "environment"), find(tree, "tier") or find(tree, "environment")
        if name is None or node is None:
            continue
        tier = tier_of(tree)
        if tier is None and find(tree, "tier") is None:
            way_out = "add tier: local, preview, staging or production"
            yield Diagnostic(
                "unknown-tier", f"found {shown(name)}, whose name says no tier", node.place, help=way_out
            )
        elif tier is not None and (stem := name.split("-")[0]) in TIERS and stem != tier:
            # What is called production is held against staging: one word must not end that.
            yield Diagnostic(
                "not-allowed",
                f"found the tier {shown(tier)} for {shown(name)}, whose name says {stem}",
                node.place,
                help="remove it, or give the environment another name",
            )
        elif tier == "local":
            local.append((name, node))
    local.sort(key=lambda one: (one[0] != "local", one[0]))
    for name, node in local[1:]:
        yield Diagnostic(
            "second-local",
            f"found {shown(name)} as a second local environment",
            node.place,
            (Note(f"{shown(local[0][0])} is local too", local[0][1].place),),
            "keep one: it owns package.json and .env.example",
        )
