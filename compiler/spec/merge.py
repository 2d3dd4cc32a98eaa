"""What all environments share and what one has of its own, into one tree."""

from __future__ import annotations

from compiler.spec.source import Node


def merge(base: Node, over: Node) -> Node:
    """Lay `over` on `base`: maps are merged key by key, lists and scalars replaced.

    A map written in both keeps the place it has in `base`, so that what it lacks is reported once.
    """
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    merged = dict(base.value)
    for key, node in over.value.items():
        merged[key] = merge(merged[key], node) if key in merged else node
    return Node(merged, base.place, base.key_place, base.last_line)
