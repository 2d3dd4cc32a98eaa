"""How a `package.json` is written (indentation, line ends, spaces) into where and how a script is put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Span
from compiler.frozen import dataclass

if TYPE_CHECKING:
    from compiler.diagnostics.model import Place
    from compiler.output.jsontext import Member, Value


@dataclass(frozen=True, slots=True)
class Item:
    """One member as it shall be: what stands before it (None = as the layout has it) and its own text."""

    name: str
    before: str | None
    text: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Characters `start` to `end` are replaced by `before`, the members, `after`.

    `lead` stands before the first member, `gap` between two (comma included), `tail` behind the last.
    """

    start: int
    end: int
    lead: str
    gap: str
    tail: str
    colon: str
    before: str = ""
    after: str = ""


def layout_of(text: str, root: Value, scripts: Member) -> Layout:
    """The layout of the existing object `scripts`."""
    value = scripts.value
    start, end = value.start + 1, value.end - 1
    if value.members:
        first, last = value.members[0], value.members[-1]
        lead, tail = text[start : first.start], text[last.value.end : end]
        return Layout(start, end, lead, _gap(text, value), tail, text[first.end : first.value.start])
    colon = text[scripts.end : value.start]
    line = text[text.rfind("\n", 0, scripts.start) + 1 : scripts.start]
    if line.strip(" \t") or "\n" not in text[root.start : scripts.start]:
        return Layout(start, end, "", _gap(text, root), "", colon)
    newline = _newline(text)
    lead = newline + line + (line or "  ")
    return Layout(start, end, lead, "," + lead, newline + line, colon)


def layout_for_new(text: str, root: Value) -> Layout:
    """The layout of an object `scripts` that is put behind the last member of the file."""
    newline = _newline(text)
    if not root.members:
        lead, tail = f"{newline}    ", f"{newline}  "
        head = f'{newline}  "scripts": {{'
        return Layout(root.start + 1, root.end - 1, lead, "," + lead, tail, ": ", head, "}" + newline)
    gap, first, at = _gap(text, root), root.members[0], root.members[-1].value.end
    colon = text[first.end : first.value.start]
    if "\n" not in gap:
        return Layout(at, at, "", gap, "", colon, f'{gap}"scripts"{colon}{{', "}")
    indent = gap.rpartition("\n")[2]
    lead = newline + indent + (indent or "  ")
    return Layout(at, at, lead, "," + lead, newline + indent, colon, f'{gap}"scripts"{colon}{{', "}")


def body(items: list[Item], layout: Layout) -> tuple[str, list[Span]]:
    """The members of `scripts` in the given layout, and the span of each with its origin."""
    if not items:
        return "", []
    parts: list[str] = []
    spans: list[Span] = []
    at = 0
    for index, item in enumerate(items):
        before = (item.before or layout.gap) if index else layout.lead
        # The comma before a member is there for the sake of that member.
        start = at if index else len(before)
        at += len(before) + len(item.text)
        parts += before, item.text
        if item.places:
            spans.append(Span(start, at, item.places))
    return "".join([*parts, layout.tail]), spans


def _gap(text: str, value: Value) -> str:
    """What is put between two members of the object `value`, which has at least one."""
    first = value.members[0]
    lead = text[value.start + 1 : first.start]
    if "\n" in lead:
        return "," + _newline(text) + lead.rpartition("\n")[2]
    if len(value.members) > 1:
        return "," + text[first.value.end : value.members[1].start].rpartition(",")[2]
    return ", " if " " in text[first.end : first.value.start] else ","


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
