"""A broken rule at a place of an output into the diagnostic at the place of the spec that it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.explain import span_behind
from compiler.frozen import dataclass
from compiler.verify.rules import RULES
from compiler.verify.text import LOADER, split_documents

if TYPE_CHECKING:
    from compiler.output.tree import TreeFile

Path = tuple["str | int", ...]
# Of the other places that decided a value, so many are named.
_NAMED = 4
_CHANGE = "change this value"
_OURS = "what stands there is the same for every value of the spec: it is a mistake of gen's own, please report it"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that the value at `path` of a file's document breaks; where there is no value, the nearest above it.

    `line` is known instead where the text is not readable.
    """

    rule: str
    message: str
    file: str
    document: int = 0
    path: Path = ()
    line: int = 0


def diagnose(finding: Finding, file: TreeFile) -> Diagnostic:
    """Return the diagnostic of a finding in `file`."""
    start, end = _region(file.text, finding)
    line = file.text.count("\n", 0, start) + 1
    column = start - file.text.rfind("\n", 0, start)
    there = Place(finding.file, line, column, max(1, end - start))
    span = span_behind(file, (line, column), (line, column + there.length))
    # Of the places that decided a value together the last is the nearest: the service, behind what it has from others.
    *others, place = span.places if span and span.places else (there,)
    if finding.rule == "plan-size":
        note, way_out = "they are written here", "begin another environment for some of the tenants"
        return Diagnostic("plan-too-large", finding.message, place, (Note(note, there),), way_out)
    is_leaf = span is not None and "\n" not in file.text[span.start : span.end].strip("\n")
    return Diagnostic(
        "unsafe-output",
        f"{finding.message} ({finding.rule})",
        place,
        (
            Note("it would be written here", there),
            *(Note("this decides it too", at) for at in others[:_NAMED]),
        ),
        f"{RULES[finding.rule]}; {_CHANGE if is_leaf else _OURS}",
    )


def _region(text: str, finding: Finding) -> tuple[int, int]:
    """Return where in `text` the value of a finding begins and ends; of a map or a list, its first line."""
    before = split_documents(text)[: finding.document]
    offset = sum(len(part) + len("\n---\n") for part in before)
    if finding.line:
        for _ in range(finding.line - 1):
            offset = text.find("\n", offset) + 1
        return _line(text, offset)
    start = end = None
    try:
        node = yaml.compose(split_documents(text)[finding.document], Loader=LOADER)
    except yaml.YAMLError:
        node = None
    for step in finding.path:
        below = _step(node, step)
        if below is None:
            break
        key, node = below
        start, end = offset + key.start_mark.index, offset + node.end_mark.index
        if isinstance(node, yaml.ScalarNode):
            start = offset + node.start_mark.index
    if start is None or end is None:
        return _line(text, offset)
    return start, min(end, _line(text, start)[1])


def _line(text: str, start: int) -> tuple[int, int]:
    end = text.find("\n", start)
    return start, len(text) if end < 0 else end


def _step(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    return None
