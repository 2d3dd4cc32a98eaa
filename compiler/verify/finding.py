"""A broken rule at a place of an output into the diagnostic at the place of the spec that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.explain import span_behind
from compiler.verify.rules import RULES
from compiler.verify.text import LOADER, split_documents

if TYPE_CHECKING:
    from compiler.output.tree import TreeFile

Path = tuple["str | int", ...]


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
    place = span.places[0] if span and span.places else there
    if finding.rule == "plan-size":
        note, way_out = "they are written here", "begin another environment for some of the tenants"
        return Diagnostic("plan-too-large", finding.message, place, (Note(note, there),), way_out)
    return Diagnostic(
        "unsafe-output",
        f"{finding.message} ({finding.rule})",
        place,
        (Note("it would be written here", there),),
        f"{RULES[finding.rule]}; where no value of yours can be changed for that, it is a mistake of gen's own",
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
