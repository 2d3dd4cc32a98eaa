"""Outputs into the disk in one call: collect, verify, compare, write, and once more if the disk changed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Severity
from compiler.output.compare import Comparison, compare
from compiler.output.tree import Tree, collect
from compiler.output.write import ChangedError, Written, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from compiler.diagnostics.model import Diagnostic
    from compiler.emit.file import Emitter, Output

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of it: `written` is None when `diagnostics` hold an error or nothing was asked to be written."""

    tree: Tree | None
    comparison: Comparison | None
    diagnostics: tuple[Diagnostic, ...]
    written: Written | None = None


def look(
    outputs: Sequence[Output],
    root: Path,
    emitters: Iterable[Emitter],
    take: frozenset[str] = frozenset(),
    verify: Callable[[Tree], Sequence[Diagnostic]] = lambda tree: (),
) -> Applied:
    """Collect, verify and compare; writes nothing."""
    tree, diagnostics = collect(outputs, root, take)
    if tree is None:
        return Applied(None, None, tuple(diagnostics))
    comparison = compare(tree, root, emitters)
    return Applied(tree, comparison, (*verify(tree), *comparison.diagnostics))


def apply(
    outputs: Sequence[Output],
    root: Path,
    emitters: Sequence[Emitter],
    take: frozenset[str] = frozenset(),
    verify: Callable[[Tree], Sequence[Diagnostic]] = lambda tree: (),
) -> Applied:
    """Collect, verify, compare and write; another `gen` that was faster is waited for. Raises WriteError."""
    for left in reversed(range(_TRIES)):
        seen = look(outputs, root, emitters, take, verify)
        if seen.comparison is None or any(d.severity is Severity.ERROR for d in seen.diagnostics):
            return seen
        try:
            written = write(seen.comparison, root)
        except ChangedError:
            if not left:
                raise
            continue
        return Applied(seen.tree, seen.comparison, seen.diagnostics, written)
    raise AssertionError("unreachable")
