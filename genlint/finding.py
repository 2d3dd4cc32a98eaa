"""What a tool objects to, at a place of an output."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """Characters of a file from `line`:`column` up to, not including, `end_line`:`end_column`; all count from 1.

    `line == 0` means the file as a whole.
    """

    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    @staticmethod
    def at(line: int, column: int) -> Extent:
        """Return the extent of one character."""
        return Extent(line, column, line, column + 1)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One objection of `tool` under its own name for the `rule`; `path` is an output, relative to the root."""

    path: str
    extent: Extent
    tool: str
    rule: str
    message: str
