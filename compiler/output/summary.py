"""A comparison into the one line that says what was done."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compiler.output.compare import Comparison


def summary(comparison: Comparison, seconds: float) -> str:
    """`12 files: 1 created, 2 changed, 1 removed, 8 unchanged (0.21s)`, always of this shape."""
    count = Counter(change.kind for change in comparison.changes)
    total = len(comparison.changes)
    return (
        f"{total} {'file' if total == 1 else 'files'}: {count['created']} created, {count['changed']} changed,"
        f" {count['removed']} removed, {count['unchanged']} unchanged ({seconds:.2f}s)"
    )
