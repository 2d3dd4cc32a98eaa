"""Turns each state that a run can end in into one word, one exit code and one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OK = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
LOCKED = 4
AHEAD = 5
POLICY = 6
DEADLINE = 7
NO_DATABASE = 8
NEEDS_PERSON = 9
TERMINATED = 10
INTERRUPTED = 130

PRECEDENCE = (
    USAGE,
    FAILED,
    NEEDS_PERSON,
    AHEAD,
    NO_DATABASE,
    POLICY,
    DEADLINE,
    INTERRUPTED,
    TERMINATED,
    UNREACHABLE,
    LOCKED,
    OK,
)

CODE_OF_WORD = {
    "up-to-date": OK,
    "pending": OK,
    "missing-schema": OK,
    "newer": OK,
    "answers": OK,
    "failed": FAILED,
    "usage": USAGE,
    "pooled": USAGE,
    "not-started": USAGE,
    "unreachable": UNREACHABLE,
    "wrong-password": UNREACHABLE,
    "no-tls": UNREACHABLE,
    "standby": UNREACHABLE,
    "locked": LOCKED,
    "drifted": FAILED,
    "edited": FAILED,
    "ahead": AHEAD,
    "unknown-revision": AHEAD,
    "refused": POLICY,
    "behind": DEADLINE,
    "deadline": DEADLINE,
    "missing-database": NO_DATABASE,
    "unversioned": NEEDS_PERSON,
    "unstamped": NEEDS_PERSON,
    "several-heads": NEEDS_PERSON,
    "broken-history": NEEDS_PERSON,
    "dirty": NEEDS_PERSON,
    "read-only": NEEDS_PERSON,
    "no-right": NEEDS_PERSON,
    "terminated": TERMINATED,
    "interrupted": INTERRUPTED,
}


def worst(codes: Iterable[int]) -> int:
    return min(codes, key=PRECEDENCE.index, default=OK)


class RunError(Exception):
    def __init__(self, word: str, reason: str, way_out: str = "") -> None:
        super().__init__(reason)
        self.word = word
        self.reason = reason
        self.way_out = way_out

    @property
    def code(self) -> int:
        return CODE_OF_WORD[self.word]
