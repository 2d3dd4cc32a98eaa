"""Turns what localdev has to say into lines: reports on stderr, the platform's own output on stdout."""

from __future__ import annotations

import re
import sys
from typing import TextIO

# What replaces a sign on an output that cannot show it.
PLAIN = {"🔧 ": "", "✓": "ok", "✗": "FAILED", "–": "-", "→": "->", "…": "..."}

# What moves the cursor of a terminal, clears its lines or colours them.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
CLEAR_LINE = "\x1b[2K"


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
    _write(sys.stderr, text)


def out(text: str) -> None:
    """Print one line of the platform's output on stdout, at once."""
    _write(sys.stdout, text)


def fail(error: DevError) -> int:
    """Print an error with its way out; returns its exit code."""
    note(f"error: {error.message}")
    for line in error.help.splitlines():
        note(f"  help: {line}")
    return error.code


def plain(text: str) -> str:
    """The text without a terminal's control sequences."""
    return CONTROL.sub("", text)


def hand_on(line: str, stream: TextIO) -> None:
    """Write a line of another program, colours only to a terminal, and never what clears a line."""
    _write(stream, line.replace(CLEAR_LINE, "") if stream.isatty() else plain(line))


def _write(stream: TextIO, text: str) -> None:
    """Write one line at once; never raises for characters that the output cannot show."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for sign, plain in PLAIN.items():
            text = text.replace(sign, plain)
        text = text.encode(encoding, "replace").decode(encoding)
    stream.write(f"{text}\n")
    stream.flush()
