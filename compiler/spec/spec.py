"""The checked spec: each environment as one model, the place of each value, the order of the services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.frozen import dataclass

if TYPE_CHECKING:
    from compiler.diagnostics.model import Place
    from compiler.spec.model import Environment
    from compiler.spec.source import Node


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """One environment: its values (`model`), where they were written (`tree`), and what follows from them.

    `order` names the enabled services that migrate, in the order in which they do; `tier` is one of local,
    preview, staging, production.
    """

    model: Environment
    tree: Node
    order: tuple[str, ...]
    tier: str

    def place(self, *loc: str | int) -> Place:
        """Return where the value at `loc` was written; for a default, the nearest map around it that was."""
        return self._nearest(loc).place

    def key_place(self, *loc: str | int) -> Place:
        """Return where the key of the value at `loc` was written, or `place` for what has no key."""
        node = self._nearest(loc)
        return node.key_place or node.place

    def is_written(self, *loc: str | int) -> bool:
        """Tell whether the value at `loc` was written, in either file, and is no default."""
        return find(self.tree, *loc) is not None

    def _nearest(self, loc: tuple[str | int, ...]) -> Node:
        node = self.tree
        for step in loc:
            below = find(node, step)
            if below is None:
                break
            node = below
        return node


@dataclass(frozen=True, slots=True)
class Spec:
    """All environments, sorted by name."""

    environments: tuple[EnvironmentSpec, ...]

    def having(self, service: str) -> list[EnvironmentSpec]:
        """Return the environments in which a service is enabled."""
        return [one for one in self.environments if one.model.services[service].enabled]


def find(node: Node, *loc: str | int) -> Node | None:
    """Return the node at `loc` below `node`, or nothing where nothing was written."""
    at: Node | None = node
    for step in loc:
        at = _step(at, step) if at else None
    return at


def _step(node: Node, step: str | int) -> Node | None:
    value = node.value
    if isinstance(value, dict):
        return value.get(step) if isinstance(step, str) else None
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return None
