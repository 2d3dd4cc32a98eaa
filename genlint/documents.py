"""The documents of a YAML text, each with the way back from its lines to the lines of the output it was made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genlint.finding import Extent, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACTION = re.compile(r"\{\{.*?\}\}")


@dataclass(frozen=True, slots=True)
class Document:
    """A document as its reader sees it: `text`, made from as many lines of `path`, from line `first` on.

    `origin` are those lines as they stand there; they differ from `text` only where a Go action was replaced.
    """

    text: str
    path: str
    first: int
    origin: str

    def finding(self, extent: Extent, tool: str, rule: str, message: str) -> Finding:
        """Return the finding at `extent` of the text as one at the place of the output."""
        return Finding(self.path, self._back(extent), tool, rule, message)

    def _back(self, extent: Extent) -> Extent:
        if not extent.line:
            # The document as a whole: the file may hold others.
            lines = self.origin.split("\n")
            return Extent(self.first, 1, self.first + len(lines) - 1, len(lines[-1]) + 1)
        shift = self.first - 1
        return Extent(
            extent.line + shift,
            self._column(extent.line, extent.column),
            extent.end_line + shift,
            self._column(extent.end_line, extent.end_column),
        )

    def _column(self, line: int, column: int) -> int:
        texts, origins = self.text.split("\n"), self.origin.split("\n")
        if not 1 <= line <= len(texts) or texts[line - 1] == origins[line - 1]:
            return column
        return _column_before(texts[line - 1], origins[line - 1], column)


def _column_before(text: str, origin: str, column: int) -> int:
    """Return the column of `origin` that became `column` of `text` when its actions were replaced."""
    match = re.fullmatch(_pattern(origin), text)
    if match is None:
        return column
    grown = 0
    for number, action in enumerate(_ACTION.finditer(origin), start=1):
        begin, end = match.span(number)
        if column <= begin:
            break
        if column <= end:
            return action.start() + 1
        grown = end - action.end()
    return column - grown


def _pattern(origin: str) -> str:
    """Return the expression of every text that `origin` can become: an action stays within its line."""
    pieces = _ACTION.split(origin)
    return "(.*)".join(map(re.escape, pieces))


def split(text: str) -> Iterator[tuple[int, str]]:
    """Yield the first line and the text of each document; one that holds no more than comments is left out."""
    lines = text.split("\n")
    begin = 0
    for number in range(len(lines) + 1):
        if number == len(lines) or lines[number].rstrip() == "---":
            yield from _trimmed(lines[begin:number], begin)
            begin = number + 1


def _trimmed(lines: list[str], begin: int) -> Iterator[tuple[int, str]]:
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if any(not lines[number].lstrip().startswith("#") for number in filled):
        yield begin + filled[0] + 1, "\n".join(lines[filled[0] : filled[-1] + 1])


def emitted(path: str, text: str) -> list[Document]:
    """Return the documents of an output that its reader takes as it is."""
    return [Document(document, path, first, document) for first, document in split(text)]


def match_rendered(rendered: str, path: str, template: str) -> Document | None:
    """Return the document that helm made of one of those in `template`, or None when it is none of them."""
    for first, origin in split(template):
        if rendered == origin or ("{{" in origin and re.fullmatch(_pattern(origin), rendered)):
            return Document(rendered, path, first, origin)
    return None
