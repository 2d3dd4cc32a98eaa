"""A mistake planted where a leaf of the spec is spelt, as if an emitter had let through what no reader takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from compiler.diagnostics.model import Place
from compiler.emit.file import Span
from compiler.output.tree import Tree, TreeFile
from tests.compiler.project import copy_project

# Added to the reference platform: a leaf of each kind that a reader of an output can object to.
PRODUCTION = """\
notify: {slack: {secret: ALERTS}}
services:
  auth-api:
    port: 8104
    replicas: 3
    image: ghcr.io/iopexses/elevaite/login
    resources:
      requests: {cpu: 200m}
      limits: {memory: 1Gi, cpu: "2"}
    egress: [443]
    secret_name: login
    env: {LOG_LEVEL: debug}
"""


def make_project(folder: Path) -> Path:
    """Put the reference platform with PRODUCTION into `folder`."""
    copy_project(folder)
    path = folder / "environments/production.yaml"
    path.write_text(path.read_text(encoding="utf-8") + PRODUCTION, encoding="utf-8")
    return folder


def leaf(root: Path, file: str, key: str, value: str) -> Place:
    """Return the place of `value` where it stands behind `key` in a file of the spec."""
    path = f"environments/{file}.yaml"
    lines = (root / path).read_text(encoding="utf-8").split("\n")
    (number, line), *others = [(n, line) for n, line in enumerate(lines, 1) if key in line and value in line]
    assert not others, others
    return Place(path, number, line.index(value, line.index(key) + len(key)) + 1, len(value))


def plant(tree: Tree, path: str, place: Place, change: Callable[[str], str]) -> Tree:
    """Change the text of the smallest span of the file at `path` that `place` decides and `change` applies to."""
    file = tree.files[path]
    spans = [span for span in file.spans if any(_same(at, place) for at in span.places)]
    fit = [span for span in spans if change(old := file.text[span.start : span.end]) != old]
    assert fit, f"{place} decides nothing of the kind in {path}"
    # A hash is decided by all that is hashed: a value's own text by fewer.
    span = min(fit, key=lambda span: (len(span.places), span.end - span.start))
    return replace(tree, files={**tree.files, path: _changed(file, span, change)})


def _same(one: Place, other: Place) -> bool:
    return (one.file, one.line, one.column) == (other.file, other.line, other.column)


def _changed(file: TreeFile, span: Span, change: Callable[[str], str]) -> TreeFile:
    new = change(file.text[span.start : span.end])
    grown = len(new) - (span.end - span.start)
    spans = tuple(
        Span(
            one.start + (grown if one.start >= span.end else 0),
            one.end + (grown if one.end >= span.end else 0),
            one.places,
        )
        for one in file.spans
    )
    text = file.text[: span.start] + new + file.text[span.end :]
    return replace(file, text=text, spans=spans, data=text.encode())
