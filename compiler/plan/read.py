"""A value of one environment's spec into a leaf that knows where it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.plan.leaf import Leaf

if TYPE_CHECKING:
    from compiler.diagnostics.model import Place
    from compiler.spec.spec import EnvironmentSpec


class Reader:
    """Reads values of one environment together with their places."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self.spec = spec

    def leaf(self, value: Any, *loc: str | int) -> Leaf[Any]:
        """Pair `value` with where it was written; a default belongs to the map around it, if one was written."""
        written = self.spec.is_written(*loc[:1])
        return Leaf(value, (self.spec.place(*loc),) if written else ())

    def words(self, values: tuple[str, ...] | list[str], *loc: str | int) -> tuple[Leaf[str], ...]:
        """Pair each item of a list with where it was written."""
        return tuple(self.leaf(value, *loc, number) for number, value in enumerate(values))

    def key(self, *loc: str | int) -> tuple[Place, ...]:
        """Return where the key of the value at `loc` was written."""
        return (self.spec.key_place(*loc),)

    def written(self, *loc: str | int) -> tuple[Place, ...]:
        """Return the place of a value that was written, nothing for one that is a default."""
        return (self.spec.place(*loc),) if self.spec.is_written(*loc) else ()
