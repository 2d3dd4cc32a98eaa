"""Turns log files into one readable log, up to now or on and on."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from .console import DevError
from .supervisor import Printer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EVERY = 0.3


def follow(files: Mapping[str, Path], keep_following: bool) -> int:
    """Print the files' lines with their names before them; a file made anew is read from its start.

    `keep_following` goes on until Interrupted. Raises DevError when there is no log at all.
    """
    if not keep_following and not any(path.exists() for path in files.values()):
        raise DevError("there is no log yet", "start the services first")
    printer = Printer(list(files))
    places: dict[str, tuple[int, int]] = {}
    rests = dict.fromkeys(files, b"")
    while True:
        for name, path in files.items():
            data = _news(path, name, places)
            *lines, rests[name] = (rests[name] + data).split(b"\n")
            for line in lines:
                printer.line(name, line + b"\n")
        if not keep_following:
            return 0
        time.sleep(EVERY)


def _news(path: Path, name: str, places: dict[str, tuple[int, int]]) -> bytes:
    """What was added to a file since the last look."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            inode, offset = places.get(name, (found.st_ino, 0))
            if inode != found.st_ino or found.st_size < offset:
                offset = 0
            file.seek(offset)
            data = file.read()
            places[name] = (found.st_ino, offset + len(data))
            return data
    except OSError:
        return b""
