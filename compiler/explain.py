"""A place of an output or of the spec into the other side of the map: where it comes from, what it reaches."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.frozen import dataclass
from compiler.output.paths import Patterns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from compiler.emit.file import Emitter, Span
    from compiler.output.tree import Tree, TreeFile


# What is said of a line of an output that no line of the spec decides, by the kind of the file.
_UNDECIDED = {
    "record": "a hash of what gen wrote, by which it knows its own files",
    "merged": "yours: gen keeps it as it is",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: its path, its number from 1, its text without the line break."""

    path: str
    number: int
    text: str


def describe(
    tree: Tree, emitters: Iterable[Emitter], root: Path, start: Path, asked: str
) -> tuple[list[str], Diagnostic | None]:
    """Answer `gen explain FILE:LINE` in lines of text; FILE is relative to `start`, or to the project's `root`.

    What cannot be answered comes back as a diagnostic.
    """
    path, line = _parse(asked, root, start)
    if line is None:
        return [], _refuse(path, "expected FILE:LINE", "for example: gen explain environments/local.yaml:3")
    if path.startswith("environments/") and path.endswith(".yaml"):
        return _describe_spec_line(tree, emitters, root, path, line)
    file = tree.files.get(path)
    if file is None:
        return [], _refuse(path, "gen does not write this file", "name an output, or a file in environments/")
    if not 1 <= line <= len(_line_starts(file.text)):
        return [], _refuse(path, f"the output has {len(_line_starts(file.text))} lines", "name one of them")
    places = origins_of(file, line)
    if not places:
        return [f"{path}:{line}: {_UNDECIDED.get(file.kind, 'the same in every project')}"], None
    return [f"{place}: {_source_line(root, place)}" for place in places], None


def _describe_spec_line(
    tree: Tree, emitters: Iterable[Emitter], root: Path, path: str, line: int
) -> tuple[list[str], Diagnostic | None]:
    try:
        count = len((root / path).read_text(encoding="utf-8").splitlines())
    except OSError:
        return [], _refuse(path, "no such file", "name a file in environments/")
    if not 1 <= line <= count:
        return [], _refuse(path, f"the file has {count} lines", "name one of them")
    reached = reached_by(tree, emitters, path, line)
    if not reached:
        return [f"{path}:{line}: no value begins here that a program's file depends on"], None
    return [f"{found.path}:{found.number}: {found.text.strip()}" for found in reached], None


def _parse(asked: str, root: Path, start: Path) -> tuple[str, int | None]:
    match = re.fullmatch(r"(.+?):([0-9]{1,9})(?::[0-9]+)?", asked, re.ASCII)
    if match is None:
        return asked, None
    for base in (start, root):
        path = (base / match[1]).resolve()
        if path.exists() and path.is_relative_to(root.resolve()):
            return path.relative_to(root.resolve()).as_posix(), int(match[2])
    return match[1], int(match[2])


def _source_line(root: Path, place: Place) -> str:
    try:
        return (root / place.file).read_text(encoding="utf-8-sig").splitlines()[place.line - 1].strip()
    except (OSError, IndexError):
        return ""


def _refuse(path: str, found: str, way_out: str) -> Diagnostic:
    return Diagnostic("unexplained-place", f"cannot explain {path}: {found}", Place(path, 0, 0), help=way_out)


def origins_of(file: TreeFile, line: int) -> list[Place]:
    """Return the places of the spec behind a line of an output, the most specific first, each once."""
    starts = _line_starts(file.text)
    begin, end = starts[line - 1], starts[line] if line < len(starts) else len(file.text)
    touching = [span for span in file.spans if span.start < end and span.end > begin]
    touching.sort(key=lambda span: (span.end - span.start, span.start))
    return list(dict.fromkeys(place for span in touching for place in span.places))


def span_behind(file: TreeFile, start: tuple[int, int], end: tuple[int, int]) -> Span | None:
    """Return the smallest span that holds the characters from `start` up to `end` (line and column, from 1).

    Within one line it is that of the leaf itself: the value on that line that they touch or, where they touch none
    (a key, a brace), the nearest one after or before them.
    """
    starts = _line_starts(file.text)
    first, last = (min(max(line, 1), len(starts)) - 1 for line in (start[0], end[0]))
    begin = starts[first] + start[1] - 1
    finish = max(starts[last] + end[1] - 1, begin + 1)
    holding = [span for span in file.spans if span.start <= begin and finish <= span.end]
    if first == last:
        stop = starts[first + 1] if first + 1 < len(starts) else len(file.text)
        line = [span for span in file.spans if starts[first] <= span.start and span.end <= stop]
        holding = sorted(line, key=lambda span: _distance(span, begin, finish))[:1] or holding
    return min(holding, key=lambda span: span.end - span.start, default=None)


def _distance(span: Span, begin: int, finish: int) -> tuple[int, int, int]:
    if span.start < finish and span.end > begin:
        return 0, 0, span.end - span.start
    after = span.start >= finish
    return (1 if after else 2), (span.start - finish if after else begin - span.end), span.end - span.start


def reached_by(tree: Tree, emitters: Iterable[Emitter], path: str, line: int) -> list[Line]:
    """Return every output line that line `line` of the spec file `path` decides, by path and number.

    What is prose, a comment or blank is read by people only and is left out.
    """
    prose = Patterns(emitter for emitter in emitters if emitter.prose)
    found: list[Line] = []
    for name in sorted(tree.files):
        file = tree.files[name]
        if prose.match(name):
            continue
        numbers: set[int] = set()
        starts = _line_starts(file.text)
        for span in file.spans:
            if any(place.file == path and place.line == line for place in span.places):
                numbers.update(
                    range(bisect_right(starts, span.start), bisect_right(starts, span.end - 1) + 1)
                )
        lines = file.text.split("\n")
        found.extend(
            Line(name, number, lines[number - 1])
            for number in sorted(numbers)
            if _counts(name, lines[number - 1])
        )
    return found


def _counts(path: str, text: str) -> bool:
    """Tell whether a program reads this line: blank lines and comments are for people."""
    bare = text.strip()
    return bool(bare) and not (bare.startswith("#") and not path.endswith(".json"))


def _line_starts(text: str) -> list[int]:
    starts = [0]
    position = text.find("\n")
    while position != -1 and position + 1 < len(text):
        starts.append(position + 1)
        position = text.find("\n", position + 1)
    return starts
