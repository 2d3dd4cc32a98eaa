"""A value of the plan together with the places of the spec that decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from compiler.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from compiler.diagnostics.model import Place

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Leaf(Generic[T_co]):
    """A `value` that outputs spell, and every place that had a part in it (a derived name keeps several).

    A leaf is as true as its value, so that a template's `if` reads naturally.
    """

    value: T_co
    places: tuple[Place, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.value)


def derive(make: Callable[..., S], *leaves: Leaf[Any]) -> Leaf[S]:
    """Apply `make` to the values of `leaves`; the result keeps the places of all of them."""
    return Leaf(make(*(leaf.value for leaf in leaves)), unite(*leaves))


def unite(*leaves: Leaf[Any]) -> tuple[Place, ...]:
    """Return the places of all `leaves`, in order, each once."""
    return tuple(dict.fromkeys(place for leaf in leaves for place in leaf.places))
