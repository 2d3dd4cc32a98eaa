"""The environments against each other: production is never looser than staging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.kinds import DURATION, milliseconds
from compiler.spec.model import Migrations
from compiler.spec.shown import shown
from compiler.spec.spec import find
from compiler.spec.written import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.spec.source import Node

TIERS = ("local", "preview", "staging", "production")
_TIMEOUTS = ("lock_timeout", "statement_timeout")


def tier_of(tree: Node) -> str | None:
    """Return the tier that is written, or the one that the name says: the name, or its part before the first `-`."""
    written = text(tree, "tier")
    if written is not None:
        return written if written in TIERS else None
    stem = (text(tree, "environment") or "").split("-")[0]
    return stem if stem in TIERS else None


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


def timeouts(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a production environment that waits longer than staging does, or for ever."""
    for key in _TIMEOUTS:
        staging = [
            limit for tree in trees.values() if tier_of(tree) == "staging" for limit in _limit(tree, key)
        ]
        strictest = min((limit for limit in staging if limit[0] > 0), default=None)
        for tree in trees.values():
            if tier_of(tree) != "production":
                continue
            for ms, words, name, place in _limit(tree, key):
                if ms == 0:
                    way_out = f"write how long at most, such as {Migrations.model_fields[key].default}"
                    yield Diagnostic(
                        "unlimited-timeout",
                        f"found {key} {words} for {name}, which is no limit",
                        place,
                        help=way_out,
                    )
                elif strictest and ms > strictest[0]:
                    _, least, other, at = strictest
                    yield Diagnostic(
                        "looser-policy",
                        f"found {key} {words} for {name}, which is looser than {least} for {other}",
                        place,
                        (Note(f"{other} has {least}", at),),
                        f"write at most {least} for {name}, or loosen {other} first",
                    )


def _limit(tree: Node, key: str) -> Iterator[tuple[int, str, str, Place]]:
    """Yield the limit in milliseconds, as written, with its environment and place; nothing if it is malformed."""
    node = find(tree, "migrations", key)
    words = Migrations.model_fields[key].default if node is None else node.value
    name = text(tree, "environment")
    if name is not None and isinstance(words, str) and DURATION.fault(words) is None:
        place = (node or find(tree, "migrations") or find(tree, "environment") or tree).place
        yield milliseconds(words), words, name, place
