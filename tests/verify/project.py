"""The reference platform's tree, and copies of it with one text changed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from compiler.emit.file import Span
from compiler.output.tree import Tree
from compiler.pipeline import compile_environments
from tests.compiler.project import copy_project

if TYPE_CHECKING:
    from tests.verify.mutations.model import Mutation


@cache
def reference() -> Tree:
    """Return the tree of the reference platform."""
    with TemporaryDirectory() as folder:
        compiled = compile_environments(copy_project(Path(folder)))
    assert compiled.tree is not None, compiled.diagnostics
    return compiled.tree


def mutated(tree: Tree, mutation: Mutation) -> Tree:
    """Return the part of `tree` with the changed text; the spans around and behind the change move with it."""
    file = tree.files[mutation.file]
    _, end, text = mutation.apply(file.text)
    by = len(text) - len(file.text)
    spans = tuple(
        Span(
            span.start + by if span.start >= end else span.start,
            span.end + by if span.end >= end else span.end,
            span.places,
        )
        for span in file.spans
    )
    changed = replace(file, text=text, spans=spans, data=text.encode())
    # What is judged together: all of one environment.
    beside = {path: other for path, other in tree.files.items() if other.environment == file.environment}
    return Tree({**beside, mutation.file: changed})
