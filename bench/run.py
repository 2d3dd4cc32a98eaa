"""Turns a runner's process into what it ended with, and a sentence that is not true into the end of a trial."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 90


class BrokenError(Exception):
    """What must be true is not."""


class MissedError(Exception):
    """The moment did not come: the run was over before."""


class Run:
    """A runner's process, and what it printed."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output
        self.began = time.monotonic()

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self.output.read_text("utf-8", "replace")

    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def end(self, seconds: float = PATIENCE_S) -> int:
        """Its exit code; a run that does not end, or shows a traceback, is broken."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise BrokenError(f"the run has not ended after {seconds:.0f} s") from None
        must("Traceback" not in self.said, "no run prints a traceback")
        return code


def must(condition: bool, words: str, found: object = None) -> None:
    """Raise BrokenError with the sentence that is not true."""
    if not condition:
        raise BrokenError(f"NOT TRUE: {words}" + (f"; found: {found}" if found is not None else ""))
