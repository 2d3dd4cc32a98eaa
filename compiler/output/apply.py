"""A way to make the tree into the written tree: compare, write, and once more if somebody else was faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.output.compare import Comparison, compare
from compiler.output.write import ChangedError, Written, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from compiler.emit.file import Emitter
    from compiler.output.tree import Tree

_TRIES = 5


def apply(
    make_tree: Callable[[], Tree | None], root: Path, emitters: Sequence[Emitter]
) -> tuple[Comparison | None, Written | None]:
    """Write what `make_tree` gives; it is asked again when another `gen` wrote meanwhile.

    Returns no comparison where there was no tree, and nothing written where the comparison holds an error.
    Raises WriteError.
    """
    for left in reversed(range(_TRIES)):
        tree = make_tree()
        if tree is None:
            return None, None
        comparison = compare(tree, root, emitters)
        if comparison.has_errors:
            return comparison, None
        try:
            return comparison, write(comparison, root)
        except ChangedError:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")
