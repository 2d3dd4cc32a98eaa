"""The lock that lets one `gen` at a time write below a root."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic
from compiler.output import problems
from compiler.output.write.low import WriteError, folder, reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = ".gen/lock"
_STEP = 0.05
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def lock(root: int, patience: float) -> Iterator[None]:
    """Hold the lock below the descriptor `root`; waits about `patience` seconds, then raises WriteError.

    The lock is the kernel's: that of a killed process is gone with it.
    """
    tries = max(1, round(patience / _STEP))
    for left in reversed(range(tries)):
        fd = _open(root)
        try:
            if _try(root, fd):
                yield
                return
            if not left:
                raise WriteError(_locked(fd))
        finally:
            os.close(fd)
        time.sleep(_STEP)


def _open(root: int) -> int:
    with folder(root, ".gen", made=[]) as gen, reporting(LOCK):
        fd = os.open("lock", _OPEN, 0o644, dir_fd=gen)
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            os.close(fd)
            raise WriteError(problems.not_a_file(LOCK, mode, "file"))
        return fd


def _try(root: int, fd: int) -> bool:
    """Take the lock if it is free, and still the file of that name; then note who holds it."""
    with reporting(LOCK):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        with folder(root, ".gen", made=[]) as gen:
            try:
                there = os.stat("lock", dir_fd=gen, follow_symlinks=False)
            except FileNotFoundError:
                return False
            if not os.path.samestat(there, os.fstat(fd)):
                return False
            _ignore(gen)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return True


def _ignore(gen: int) -> None:
    """Keep all of `.gen/` out of git, whatever the repository's own ignore file says."""
    with reporting(".gen/.gitignore"):
        fd = os.open(".gitignore", _OPEN, 0o644, dir_fd=gen)
        try:
            status = os.fstat(fd)
            if stat.S_ISREG(status.st_mode) and status.st_size == 0:
                os.write(fd, b"*\n")
        finally:
            os.close(fd)


def _locked(fd: int) -> Diagnostic:
    pid = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
    who = f" (process {pid})" if pid.isascii() and pid.isdigit() else ""
    return Diagnostic(
        "locked",
        f"another `gen`{who} is writing here; nothing was changed",
        problems.whole(LOCK),
        help="wait for it to end, then run `gen` again",
    )
