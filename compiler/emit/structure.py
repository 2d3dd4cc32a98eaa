"""A tree of plain containers and leaves into JSON text that knows which span came from which place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from compiler.emit.file import Span, Text
from compiler.emit.spell import quote_json
from compiler.plan.leaf import Leaf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compiler.diagnostics.model import Place


@dataclass(frozen=True, slots=True)
class Owned:
    """A part of a document whose existence was decided at `places`: its lines are theirs."""

    value: Json
    places: tuple[Place, ...]


Json = Union["Mapping[str, Json]", "Sequence[Json]", Leaf[str], Leaf[int], Leaf[bool], Owned, str, int, bool]


def write_json(document: Json) -> Text:
    """Return `document` as indented JSON, keys in the order given, ASCII only, with a final line break."""
    writer = _Writer()
    writer.value(document, "")
    writer.add("\n")
    return Text("".join(writer.pieces), tuple(writer.spans))


class _Writer:
    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.spans: list[Span] = []
        self._length = 0

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self._length += len(text)

    def value(self, value: Json, indent: str) -> None:
        if isinstance(value, Owned | Leaf):
            self._spanned(value.value, value.places, indent)
        elif isinstance(value, str | int):
            self.add(quote_json(value))
        elif isinstance(value, (list, tuple)):
            self._block("[]", [(None, item) for item in value], indent)
        else:
            self._block("{}", list(value.items()), indent)  # type: ignore[union-attr]

    def _spanned(self, value: Json, places: tuple[Place, ...], indent: str) -> None:
        start = self._length
        self.value(value, indent)
        if places:
            self.spans.append(Span(start, self._length, places))

    def _block(self, brackets: str, members: list[tuple[str | None, Json]], indent: str) -> None:
        if not members:
            self.add(brackets)
            return
        inner = indent + "  "
        self.add(brackets[0])
        for number, (key, member) in enumerate(members):
            self.add(("," if number else "") + "\n" + inner)
            start = self._length
            if key is not None:
                self.add(quote_json(key) + ": ")
            self.value(member, inner)
            if key is not None and isinstance(member, Owned):
                self.spans.append(Span(start, self._length, member.places))
        self.add("\n" + indent + brackets[1])
