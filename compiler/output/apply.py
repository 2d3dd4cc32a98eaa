"""A way to make a comparison into the written tree: write, and compare once more if somebody else was faster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from compiler.output.disk import Disk
from compiler.output.record import digest_of
from compiler.output.write import ChangedError, Written, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from compiler.output.compare import Change, Comparison

_TRIES = 5


def apply(
    make_comparison: Callable[[], Comparison | None],
    root: Path,
    edits: Callable[[], tuple[Change, ...]] = tuple,
) -> tuple[Comparison | None, Written | None]:
    """Write what `make_comparison` gives; it is asked again when another `gen` wrote meanwhile.

    `edits` gives the changes of the user's own files from which that comparison was made: they are written with it,
    all or nothing.
    Returns no comparison where there was none, and nothing written where the comparison holds an error.
    Raises WriteError.
    """
    for left in reversed(range(_TRIES)):
        comparison = make_comparison()
        if comparison is None:
            return None, None
        comparison = _with(edits(), comparison)
        if comparison.has_errors:
            # A file that another `gen` is just creating looks foreign until its record is there.
            if left and not _is_settled(comparison, root):
                continue
            return comparison, None
        try:
            return comparison, write(comparison, root)
        except ChangedError:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def _with(edits: tuple[Change, ...], comparison: Comparison) -> Comparison:
    changes = sorted((*comparison.changes, *edits), key=lambda change: change.path)
    return replace(comparison, changes=tuple(changes)) if edits else comparison


def _is_settled(comparison: Comparison, root: Path) -> bool:
    """Tell whether journal and records are still what the comparison went by."""
    disk = Disk(root)
    return all(digest_of(disk.read(path).data) == expected for path, expected in comparison.seen)
