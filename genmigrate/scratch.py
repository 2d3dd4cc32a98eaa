"""Turns the temporary folder into one for this run's messages, and out of it those of runs that were killed."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path

#: A folder of this name is locked as long as somebody uses it; a copy without this module gives other names.
PREFIX = "genmigrate-run-"
#: Of a folder itself, never of what a link points to.
OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def make() -> tuple[Path, int]:
    """Return a folder of this run, and the descriptor whose lock says that it is in use.

    The system frees the lock when the last process that has the descriptor ends, however it ends: the driver, and the
    workers that inherit it and write here until they have noticed that their driver was killed. A beat would not do: a
    driver that is stopped, or on a laptop that slept, does not beat and goes on later.
    """
    sweep()
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FileNotFoundError):  # another run swept it away before it was locked
            held = os.open(folder, OPEN)
            try:
                with suppress(OSError):  # where no folder can be locked, none is swept
                    fcntl.flock(held, fcntl.LOCK_EX)
                if os.path.samestat(folder.stat(), os.fstat(held)):
                    return folder, held
            except FileNotFoundError:
                pass
            os.close(held)


def sweep() -> None:
    """Remove the folders of this user that nobody uses."""
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX):
                with suppress(OSError):  # another user's, a link, gone, in use, or with a folder in it
                    _remove(entry.path)


def _remove(path: str) -> None:
    folder = os.open(path, OPEN)
    try:
        if os.fstat(folder).st_uid != os.geteuid():
            return
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for name in os.listdir(folder):  # noqa: PTH208 - of this very folder, wherever its path leads by now
            os.unlink(name, dir_fd=folder)
        Path(path).rmdir()
    finally:
        os.close(folder)
