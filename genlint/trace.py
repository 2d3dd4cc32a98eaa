"""A finding at a place of an output into a diagnostic at the leaf of the spec that it comes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.explain import span_behind
from genlint.finding import Extent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compiler.output.tree import Tree
    from genlint.finding import Finding

# Of the places that decided a value together, so many are named besides the first.
_NAMED = 4
_FILE_NAME = re.compile(r"\S+\.ya?ml\b\S*")
_CHANGE = "change this value, and run gen lint again"
_OURS = "what stands there is the same for every value of the spec: it is a mistake of gen's own, please report it"


def trace(finding: Finding, tree: Tree, sources: Mapping[str, str]) -> Diagnostic:
    """Return `finding` where the spec decides it, with a note that names the place of the output.

    What no line of the spec decides is reported in the output.
    """
    message = f"{finding.tool}[{finding.rule}]: {finding.message}"
    output = _place(finding.path, finding.extent)
    text = tree.files[finding.path].text
    extent = finding.extent if finding.extent.line else _everything(text)
    span = span_behind(
        tree.files[finding.path], (extent.line, extent.column), (extent.end_line, extent.end_column)
    )
    if span is None:
        return Diagnostic("lint-finding", message, output, help=_OURS)
    at = sum(len(line) + 1 for line in text.split("\n")[: extent.line - 1]) + extent.column - 1
    first, *others = sorted(
        span.places, key=lambda place: _rank(place, sources, text, (span.start, at), message)
    )
    notes = [Note("this is the line of the output", output)]
    notes += [Note("this decides it too", place) for place in others[:_NAMED]]
    is_leaf = "\n" not in text[span.start : span.end].rstrip("\n")
    return Diagnostic("lint-finding", message, first, tuple(notes), help=_CHANGE if is_leaf else _OURS)


def _place(path: str, extent: Extent) -> Place:
    length = extent.end_column - extent.column if extent.end_line == extent.line else 1
    return Place(path, extent.line, extent.column, max(length, 1))


def _everything(text: str) -> Extent:
    lines = text.rstrip("\n").split("\n")
    return Extent(1, 1, len(lines), len(lines[-1]) + 1)


def _rank(place: Place, sources: Mapping[str, str], text: str, where: tuple[int, int], message: str) -> int:
    """Order the places of a value that was made of several: first the one whose own text is at the finding.

    `where` are the offsets of the value and of the finding in `text`.
    """
    lines = sources.get(place.file, "").split("\n")
    if not 0 < place.line <= len(lines):
        return 3
    own = lines[place.line - 1][place.column - 1 : place.column - 1 + place.length].strip("\"'")
    begin, at = where
    found = text.find(own, begin) if own else -1
    while 0 <= found <= at:
        if at < found + len(own):
            return 0
        found = text.find(own, found + 1)
    return 1 if own and own in _FILE_NAME.sub("", message) else 2
