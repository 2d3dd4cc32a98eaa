"""A tree of plain containers and leaves into JSON text that knows which span came from which place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from compiler.emit.file import Span, Text
from compiler.emit.spell.json import quote_json
from compiler.frozen import dataclass
from compiler.plan.leaf import Leaf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compiler.diagnostics.model import Place


@dataclass(frozen=True, slots=True)
class Owned:
    """A part of a document whose existence was decided at `places`: its lines are theirs."""

    value: Json
    places: tuple[Place, ...]


Json = Union[
    "Mapping[str, Json]",
    "Sequence[Json]",
    Leaf[str],
    Leaf[int],
    Leaf[bool],
    Leaf[int | None],
    Owned,
    str,
    int,
    bool,
    None,
]


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
        elif value is None or isinstance(value, str | int):
            self.add(quote_json(value))
        elif isinstance(value, (list, tuple)):
            self._block("[]", [(None, item) for item in value], indent)
        else:
            self._block("{}", list(value.items()), indent)  # type: ignore[union-attr]

    def _spanned(self, value: Json, places: tuple[Place, ...], indent: str) -> None:
        start = self._length
        self.value(value, indent)
        self._span(start, places)

    def _block(self, brackets: str, members: list[tuple[str | None, Json]], indent: str) -> None:
        if not members:
            self.add(brackets)
            return
        inner = indent + "  "
        begin = self._length
        self.add(brackets[0])
        for number, (key, member) in enumerate(members):
            # The comma before a member is there for the sake of that member.
            start = self._length
            self.add(("," if number else "") + "\n" + inner)
            if key is not None:
                self.add(quote_json(key) + ": ")
            self.value(member, inner)
            if isinstance(member, Owned) or key is None:
                self._span(start if number else start + 1, _places(member))
        self.add("\n" + indent + brackets[1])
        if len(members) == 1:
            # Without its only member the block would close where it opens.
            self._span(begin, _places(members[0][1]))

    def _span(self, start: int, places: tuple[Place, ...]) -> None:
        if places:
            self.spans.append(Span(start, self._length, places))


def _places(member: Json) -> tuple[Place, ...]:
    return member.places if isinstance(member, Owned | Leaf) else ()
