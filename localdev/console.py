"""Turns what localdev has to say into lines: reports on stderr, the platform's own output on stdout."""

from __future__ import annotations

import sys


class DevError(Exception):
    """A user's mistake or a machine's state that stops a command; becomes one message, never a traceback.

    `code` is the exit code, `help` the way out (one or more lines).
    """

    def __init__(self, message: str, help: str = "", code: int = 1) -> None:  # noqa: A002 - the field's name
        super().__init__(message)
        self.message = message
        self.help = help
        self.code = code


def note(text: str) -> None:
    """Say something on stderr that is not the platform's own output."""
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def out(text: str) -> None:
    """Print one line of the platform's output on stdout, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def fail(error: DevError) -> int:
    """Print an error with its way out; returns its exit code."""
    note(f"error: {error.message}")
    for line in error.help.splitlines():
        note(f"  help: {line}")
    return error.code
