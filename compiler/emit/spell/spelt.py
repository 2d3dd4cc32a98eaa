"""A text that was spelt for one reader, and how a filter of a template makes one."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from compiler.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from compiler.diagnostics.model import Place
    from compiler.plan.leaf import Leaf


@dataclass(frozen=True, slots=True)
class Spelt:
    """A text that was spelt for `target` and for no other reader, with the places of what it spells.

    Where parts of it come from different places, `pieces` are the parts, and `text` is all of them.
    """

    target: str
    text: str
    places: tuple[Place, ...] = ()
    pieces: tuple[tuple[str, tuple[Place, ...]], ...] = ()


class UnspeakableError(Exception):
    """A value that this target cannot carry reached a template: a rule of the spec is missing (our mistake)."""


_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def require_seen(value: str) -> None:
    """Raise UnspeakableError for characters that nobody sees: readers do not agree on them."""
    if not value.isprintable() and any(unicodedata.category(character) in _UNSEEN for character in value):
        raise UnspeakableError(f"nobody would see all of {value!r}")


def by(target: str, spell: Callable[[Any], str]) -> Callable[[Leaf[Any]], Spelt]:
    """Return a filter that spells the value of a leaf for `target` by `spell`."""

    def apply(leaf: Leaf[Any]) -> Spelt:
        return Spelt(target, spell(leaf.value), leaf.places)

    return apply
