"""Diagnostics into text: full and concise for people, json for programs, github for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from compiler.diagnostics.model import Diagnostic, Place

Format = Literal["full", "concise", "json", "github"]
FORMATS: tuple[Format, ...] = ("full", "concise", "json", "github")

# Of a long line only the part around the place is shown.
_WIDTH = 100
_COLORS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1m",
    "help": "\x1b[1;32m",
    "line": "\x1b[34m",
}
_RESET = "\x1b[0m"


def render(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, str],
    format: Format = "full",  # noqa: A002
    color: bool = False,
) -> str:
    """Return the text for `diagnostics`, ending with a line feed, or nothing if there are none.

    `sources` holds the texts of the files whose lines the full format shows; a file that is not there is only
    named. `color` is for the full format on a terminal.
    """
    diagnostics = list(diagnostics)
    if format == "json":
        return _json(diagnostics)
    if format == "full":
        lines = {file: text.split("\n") for file, text in sources.items()}
        return "\n".join(_full(diagnostic, lines, color) for diagnostic in diagnostics)
    one = _concise if format == "concise" else _github
    return "".join(f"{one(diagnostic)}\n" for diagnostic in diagnostics)


def _full(diagnostic: Diagnostic, lines: Mapping[str, list[str]], color: bool) -> str:
    kind = diagnostic.severity.value
    label = _paint(f"{kind}[{diagnostic.code}]", kind, color)
    parts = [f"{diagnostic.place}: {label} {_printable(diagnostic.message)}"]
    parts += _snippet(diagnostic.place, lines, color)
    for note in diagnostic.notes:
        where = f" {note.place}:" if note.place else ""
        parts.append(f"{_paint('note:', 'note', color)}{where} {_printable(note.message)}")
        parts += _snippet(note.place, lines, color) if note.place else []
    if diagnostic.help:
        parts.append(f"{_paint('help:', 'help', color)} {_printable(diagnostic.help)}")
    return "".join(f"{part}\n" for part in parts)


def _snippet(place: Place, lines: Mapping[str, list[str]], color: bool) -> list[str]:
    """Return the line of `place` with `^~~~` under it, or nothing where there is no such line."""
    text = lines.get(place.file, [])
    if not 0 < place.line <= len(text):
        return []
    start = place.column - 1
    line = text[place.line - 1]
    length = max(1, min(place.length, len(line) - start))
    cut = max(0, start - _WIDTH // 2) if start + length > _WIDTH else 0
    shown = _printable(line[cut : cut + _WIDTH])
    before, marked = shown[: start - cut], shown[start - cut : start - cut + length]
    mark = "^" + "~" * (max(1, _columns(marked)) - 1)
    gutter = " " * len(str(place.line))
    return [
        f"{gutter} {_paint('|', 'line', color)}",
        f"{_paint(f'{place.line} |', 'line', color)} {shown}".rstrip(),
        f"{gutter} {_paint('|', 'line', color)} {' ' * _columns(before)}{_paint(mark, 'error', color)}",
    ]


def _paint(text: str, kind: str, color: bool) -> str:
    return f"{_COLORS[kind]}{text}{_RESET}" if color else text


def _printable(text: str) -> str:
    """Replace what would move the cursor or change the direction of a terminal's text."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " if letter == "\t" else "\ufffd" for letter in text)


def _columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if category(letter) in {"Mn", "Me"} else 2 if east_asian_width(letter) in {"W", "F"} else 1
        for letter in text
    )


def _concise(diagnostic: Diagnostic) -> str:
    severity = diagnostic.severity.value
    return f"{diagnostic.place}: {severity}[{diagnostic.code}] {_printable(diagnostic.message)}"


def _github(diagnostic: Diagnostic) -> str:
    place = diagnostic.place
    fields = {"file": place.file}
    if place.line:
        fields |= {
            "line": str(place.line),
            "col": str(place.column),
            "endColumn": str(place.column + place.length),
        }
    fields["title"] = diagnostic.code
    remarks = [f"{f'{note.place}: ' if note.place else ''}{note.message}" for note in diagnostic.notes]
    text = "\n".join(
        [diagnostic.message, *remarks, *([f"help: {diagnostic.help}"] if diagnostic.help else [])]
    )
    properties = ",".join(
        f"{name}={_escaped(value).replace(':', '%3A').replace(',', '%2C')}" for name, value in fields.items()
    )
    return f"::{diagnostic.severity.value} {properties}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _json(diagnostics: list[Diagnostic]) -> str:
    import json  # only this format needs it

    found = [
        {
            "code": diagnostic.code,
            "severity": diagnostic.severity.value,
            "message": diagnostic.message,
            **_where(diagnostic.place),
            "notes": [
                {"message": note.message, **(_where(note.place) if note.place else {})}
                for note in diagnostic.notes
            ],
            "help": diagnostic.help,
        }
        for diagnostic in diagnostics
    ]
    return json.dumps(found, indent=2) + "\n"


def _where(place: Place) -> dict[str, str | int]:
    return {"file": place.file, "line": place.line, "column": place.column, "length": place.length}
