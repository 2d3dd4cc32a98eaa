"""A tree that may hold mistakes, into the well-formed part of it that a rule looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.spec.spec import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.diagnostics.model import Place
    from compiler.spec.source import Node


def entries(tree: Node, *loc: str) -> dict[str, Node]:
    """Return the entries of the map at `loc`; none where there is no map."""
    node = find(tree, *loc)
    return node.value if node and isinstance(node.value, dict) else {}


def items(tree: Node, *loc: str) -> list[tuple[str, Node]]:
    """Return the texts of the list at `loc` with their nodes; none where there is no list."""
    node = find(tree, *loc)
    listed = node.value if node and isinstance(node.value, list) else []
    return [(item.value, item) for item in listed if isinstance(item.value, str)]


def text(tree: Node, *loc: str) -> str | None:
    """Return the text at `loc`; nothing where there is none."""
    node = find(tree, *loc)
    return node.value if node and isinstance(node.value, str) else None


def number(node: Node) -> int | None:
    """Return the number that `node` is; nothing for anything else."""
    value = node.value
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def enabled_services(tree: Node) -> Iterator[tuple[str, Node]]:
    """Yield the services that are not switched off, by name, as they were written."""
    for name, service in entries(tree, "services").items():
        switch = find(service, "enabled")
        if isinstance(service.value, dict) and (switch is None or switch.value is not False):
            yield name, service


def migrating(tree: Node, *, also_disabled: bool = False) -> Iterator[tuple[str, Node]]:
    """Yield the services that migrate; those that are switched off only when asked for."""
    services = entries(tree, "services").items() if also_disabled else enabled_services(tree)
    for name, service in services:
        if isinstance((find(service, "migrations") or service).value, dict) and find(service, "migrations"):
            yield name, service


def place(tree: Node, *loc: str) -> Place:
    """Return where the value at `loc` was written, or else the nearest map around it."""
    node = tree
    for step in loc:
        below = find(node, step)
        if below is None:
            break
        node = below
    return node.place
