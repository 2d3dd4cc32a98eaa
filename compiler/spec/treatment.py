"""How one environment treats the schemas that it migrates: tenants that it does not have, limits in the wrong order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note
from compiler.spec.files import PLATFORM
from compiler.spec.kinds import DURATION, IDENTIFIER, milliseconds
from compiler.spec.model import Migrations
from compiler.spec.shown import choose, shown
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of
from compiler.spec.written import items, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.spec.source import Node


def canary(tree: Node) -> Iterator[Diagnostic]:
    """Refuse a canary that is no tenant of the environment."""
    tenants = [name for name, _ in items(tree, "tenants")]
    for name, node in items(tree, "migrations", "canary"):
        if tenants and name not in tenants and not IDENTIFIER.fault(name):
            yield Diagnostic(
                "unknown-tenant",
                f"found {shown(name)}, which is not a tenant of {text(tree, 'environment')}",
                node.place,
                help=choose("tenant", name, tenants),
            )


def timeouts(tree: Node) -> Iterator[Diagnostic]:
    """Refuse a limit that never comes, since one around it always comes first: lock, statement, whole run."""
    yield from _in_order(tree, "lock_timeout", "statement_timeout")
    # Nothing limits a run on a laptop.
    if find(tree, "deploy") and tier_of(tree) != "local":
        yield from _in_order(tree, "statement_timeout", "deadline")


def _in_order(tree: Node, inner: str, outer: str) -> Iterator[Diagnostic]:
    nodes = {key: find(tree, "migrations", key) for key in (inner, outer)}
    words = {
        key: str(Migrations.model_fields[key].default if node is None else node.value)
        for key, node in nodes.items()
    }
    if any(DURATION.fault(word) for word in words.values()):
        return
    shorter, longer = (milliseconds(words[key]) for key in (inner, outer))
    # 0 is no limit.
    if not shorter or not longer or shorter < longer:
        return
    written = [(key, node) for key, node in nodes.items() if node is not None]
    key, node = min(written, key=lambda one: one[1].place.file == PLATFORM)
    other = outer if key == inner else inner
    at = nodes[other]
    how = "which never comes before" if key == inner else "which never comes after"
    yield Diagnostic(
        "timeout-order",
        f"found {key} {words[key]}, {how} {other} {words[other]}",
        node.place,
        (Note(f"{other} is {words[other]}{'' if at else ' by default'}", at.place if at else None),),
        f"write a shorter {inner} or a longer {outer}",
    )
