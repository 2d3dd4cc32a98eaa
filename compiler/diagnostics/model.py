"""The values that say what is wrong: a place, a note, a diagnostic."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from compiler.frozen import dataclass


class Place(NamedTuple):
    """A piece of one line of a file: where a value was written.

    `file` is relative to the project's root, with `/`; `line` and `column` count characters from 1;
    `length` is at least 1. `line == 0` means the file as a whole.
    """

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Severity(str, Enum):
    """How bad it is; only an error stops the compiler from writing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Note:
    """A secondary remark: the other line of a contradiction, with its own place where it has one."""

    message: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake of the user's: what was found (`message`), where, and the way out (`help`).

    `code` is a kebab-case name from `compiler.diagnostics.codes` with a page of its own in `tests/diagnostics/`.
    """

    code: str
    message: str
    place: Place
    notes: tuple[Note, ...] = ()
    help: str | None = None
    severity: Severity = Severity.ERROR
