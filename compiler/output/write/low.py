"""Single operations on the disk, through descriptors of real folders, with errors that name the path."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from compiler.output import problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.diagnostics.model import Diagnostic

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class WriteError(Exception):
    """The disk did not let us write; `diagnostic` says where and why, and in what state the tree is."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        """Carry `diagnostic`."""
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class ChangedError(WriteError):
    """The disk is no longer what was compared: compare and write again."""


@contextlib.contextmanager
def reporting(path: str) -> Iterator[None]:
    """Turn an error of the system into a WriteError about `path`."""
    try:
        yield
    except OSError as error:
        raise WriteError(problems.cannot_write(path, error)) from error


@contextlib.contextmanager
def folder(root: int, path: str, made: list[str] | None = None) -> Iterator[int]:
    """Open the folder `path` below the descriptor `root`, following no link.

    With `made` (a list that the new folders are added to) missing ones are created, mode 0755.
    """
    fd = os.dup(root)
    try:
        at = ""
        for name in path.split("/") if path else ():
            at = f"{at}/{name}" if at else name
            inner = _enter(fd, name, at, made)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


def _enter(fd: int, name: str, path: str, made: list[str] | None) -> int:
    with reporting(path):
        try:
            return os.open(name, _FOLDER, dir_fd=fd)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP) and _is_link(fd, name):
                raise WriteError(problems.symlink(path)) from error
            if made is None or error.errno != errno.ENOENT:
                raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=fd)
            made.append(path)
            os.chmod(name, 0o755, dir_fd=fd)
        return os.open(name, _FOLDER, dir_fd=fd)


def _is_link(fd: int, name: str) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)


def create(at: int, name: str, data: bytes, mode: int, path: str) -> None:
    """Create the file `name` in the folder `at` with exactly `mode`; errors name `path`, what it is for."""
    with reporting(path):
        fd = os.open(name, _NEW, mode, dir_fd=at)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            os.fchmod(fd, mode)
        finally:
            os.close(fd)


def check_writable(root: int, path: str) -> None:
    """Raise WriteError when the folder of `path`, or the nearest one that exists above it, is not writable."""
    above = path.split("/")[:-1]
    while above:
        try:
            if stat.S_ISDIR(os.stat("/".join(above), dir_fd=root, follow_symlinks=False).st_mode):
                break
        except OSError:
            above.pop()
        else:
            return
    with folder(root, "/".join(above)) as fd, reporting(path):
        if os.fstatvfs(fd).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, "")
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=fd):
            raise OSError(errno.EACCES, "")
