"""Strict YAML into a tree of nodes that know their places.

What is read: one document of maps with text keys, lists and scalars. A plain scalar is a truth value when it
is `true` or `false`, a number when it is a decimal integer without leading zeros or `+` (up to 18 digits),
nothing when it is empty, `~` or `null`, and text otherwise (`no`, `0777`, `1.10`, `1e3`, `12:30`,
`2026-11-22`). What is quoted or a block is text. Anchors, aliases, tags, directives, merge keys are refused.
Line ends may be LF or CRLF; a byte order mark at the start is dropped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.frozen import dataclass
from compiler.spec.characters import character_faults, text_faults
from compiler.spec.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 40
MAX_NODES = 200_000

Scalar = str | int | bool | None
_NOTHING = {"", "~", "null"}
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


@dataclass(frozen=True, slots=True)
class Node:
    """A written value: a scalar, a map or a list, with the place of the value and of its key.

    A block map or list has the place of its key; the tree of a whole file has line 0. It ends in `last_line`.
    """

    value: Scalar | dict[str, Node] | list[Node]
    place: Place
    key_place: Place | None = None
    last_line: int = 0

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def normalize(text: str) -> str:
    """Drop a byte order mark at the start and read CRLF as LF."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def parse(text: str, file: str) -> tuple[Node | None, list[Diagnostic]]:
    """Read one document; an empty one is a node of `None`.

    A mistake that spoils the rest of the file gives no tree; others do not stop the reading.
    """
    text = normalize(text)
    faults = character_faults(text, file)
    if faults:
        return None, faults
    reader = _Reader(file, text)
    try:
        return reader.document(yaml.parse(text, Loader=_LOADER)), reader.faults
    except _Spoiled:
        return None, reader.faults
    except yaml.MarkedYAMLError as error:
        return None, [*reader.faults, _syntax(error, reader)]
    except yaml.YAMLError as error:  # a reader's error, which character_faults should have found
        return None, [
            *reader.faults,
            Diagnostic("yaml-syntax", f"found text that is not YAML: {error}", Place(file, 0, 0)),
        ]


def _syntax(error: yaml.MarkedYAMLError, reader: _Reader) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    place = reader.place(mark, mark) if mark else Place(reader.file, 0, 0)
    notes: tuple[Note, ...] = ()
    if (
        error.context
        and error.context_mark
        and (context := reader.place(error.context_mark)).line != place.line
    ):
        notes = (Note(error.context, context),)
    way_out = _way_out(error, reader.line(place.line)[: place.column])
    message = f"found text that is not YAML: {error.problem or error.context}"
    return Diagnostic("yaml-syntax", message, place, notes, way_out)


def _way_out(error: yaml.MarkedYAMLError, before: str) -> str:
    if "\t" in before and not before.strip():
        return "indent with spaces"
    context = error.context or ""
    if "flow" in context:
        return "close the bracket or brace, and put commas between its entries"
    if "quoted" in context:
        return "close the quote, and double a backslash inside double quotes"
    if context == "while scanning for the next token":
        return "quote text that starts with a sign"
    return 'quote text that holds ": ", and indent all entries of a map alike'


class _Spoiled(Exception):  # noqa: N818 -- not an error: the fault is already noted
    """The rest of the file cannot be read."""


class _Reader:
    """Turns the events of one document into nodes, and notes what is refused."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.lines: list[str] | None = None
        self.faults: list[Diagnostic] = []
        self.nodes = 0

    def line(self, number: int) -> str:
        """Return line `number`, counted from 1, or nothing."""
        if self.lines is None:
            self.lines = self.text.split("\n")
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def place(self, start: Any, end: Any = None) -> Place:
        """Return the place between two marks; what spans several lines ends with its first."""
        if end is None or end.line == start.line:
            return Place(
                self.file, start.line + 1, start.column + 1, max(1, end.column - start.column if end else 1)
            )
        return Place(
            self.file, start.line + 1, start.column + 1, max(1, len(self.line(start.line + 1)) - start.column)
        )

    def fault(self, code: str, message: str, place: Place, help_: str, *notes: Note) -> None:
        """Note a mistake and go on."""
        self.faults.append(Diagnostic(code, message, place, notes, help_))

    def document(self, events: Iterator[Any]) -> Node:
        """Read the only document of the stream."""
        next(events)
        event = next(events)
        if isinstance(event, yaml.StreamEndEvent):
            return Node(None, Place(self.file, 0, 0))
        if event.version or event.tags:
            self.fault(
                "yaml-directive", "found a directive (%)", self.place(event.start_mark), "remove the line"
            )
        root = self.node(next(events), events, 0, None)
        next(events)
        event = next(events)
        if not isinstance(event, yaml.StreamEndEvent):
            self.fault(
                "yaml-documents",
                "found a second document",
                self.place(event.start_mark, event.end_mark),
                "a file holds one document: move the rest to a file of its own",
            )
        return Node(root.value, Place(self.file, 0, 0), None, root.last_line)

    def node(self, event: Any, events: Iterator[Any], depth: int, key: Place | None) -> Node:
        """Read the node that starts with `event`."""
        self.nodes += 1
        place = self.place(event.start_mark, event.end_mark)
        if self.nodes > MAX_NODES:
            self.fault("too-many-values", f"found more than {MAX_NODES} values", place, "split the file")
            raise _Spoiled
        if isinstance(event, yaml.AliasEvent):
            self.refuse_anchor(f"the alias *{event.anchor}", place)
            return Node(None, place, key, place.line)
        if event.anchor is not None:
            self.refuse_anchor(f"the anchor &{event.anchor}", place)
        if event.tag is not None:
            self.fault(
                "yaml-tag",
                f"found the tag {shown(event.tag)}",
                place,
                "remove it; quoted is text, plain true, false and decimal numbers are what they look like",
            )
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, place, key)
        if depth == MAX_DEPTH:
            self.fault(
                "too-deep",
                f"found more than {MAX_DEPTH} levels of maps and lists",
                place,
                "no key of the spec lies this deep",
            )
            raise _Spoiled
        return self.collection(event, events, depth, key, place)

    def refuse_anchor(self, what: str, place: Place) -> None:
        self.fault(
            "yaml-anchor",
            f"found {what}",
            place,
            "write the value out; what environments share lies in platform.yaml",
        )

    def collection(
        self, event: Any, events: Iterator[Any], depth: int, key: Place | None, place: Place
    ) -> Node:
        """Read a map or a list up to its end."""
        value: dict[str, Node] | list[Node]
        end: Any
        if isinstance(event, yaml.MappingStartEvent):
            value, end = self.mapping(events, depth)
        else:
            value = []
            while not isinstance(end := next(events), yaml.SequenceEndEvent):
                value.append(self.node(end, events, depth + 1, None))
        last: Any = end.end_mark
        if event.flow_style:
            place = self.place(event.start_mark, last)
        elif key is not None:
            place = key
        return Node(value, place, key, last.line + 1)

    def mapping(self, events: Iterator[Any], depth: int) -> tuple[dict[str, Node], Any]:
        """Read the entries of a map and its end; of two entries with one key the first stays."""
        entries: dict[str, Node] = {}
        event: Any
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            read = self.node(event, events, depth + 1, None)
            key = self.key(event, read)
            node = self.node(next(events), events, depth + 1, read.place)
            if key in entries:
                first = entries[key].key_place
                self.fault(
                    "duplicate-key",
                    f"found the key {shown(key)} twice in one map",
                    read.place,
                    "keep one of them",
                    Note("the first is here", first),
                )
            elif key is not None:
                entries[key] = node
        return entries, event

    def key(self, event: Any, read: Node) -> str | None:
        """Return the text of a key, `None` for what is no text."""
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style:
            self.fault(
                "yaml-merge",
                "found the merge key <<",
                read.place,
                "write the values out; what environments share lies in platform.yaml",
            )
            return None
        if isinstance(read.value, str):
            return read.value
        if not isinstance(event, yaml.AliasEvent):
            self.fault(
                "yaml-key", f"found {shown(read.value)} as a key", read.place, "a key is text: quote it"
            )
        return None

    def scalar(self, event: Any, place: Place, key: Place | None) -> Node:
        """Read a scalar by the rules of this module."""
        text: str = event.value
        value: Scalar = text
        if event.style:
            self.faults += text_faults(text, place)
        elif text in _NOTHING:
            value = None
        elif text in {"true", "false"}:
            value = text == "true"
        elif _INTEGER.fullmatch(text):
            value = int(text)
        else:
            self.faults += text_faults(text, place)
        return Node(value, place, key, event.end_mark.line + 1)
