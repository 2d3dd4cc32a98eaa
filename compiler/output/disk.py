"""Paths below the root into the bytes that lie there, or into the reason why we keep away; never writes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from compiler.output import problems
from compiler.output.paths import parent

if TYPE_CHECKING:
    from compiler.diagnostics.model import Diagnostic

# O_NONBLOCK: a pipe in our place must not hang us.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Found(NamedTuple):
    """What lies at a path: its bytes (None = nothing), whether it is executable, or why it is refused."""

    data: bytes | None = None
    executable: bool = False
    problem: Diagnostic | None = None


_NOTHING = Found()


class Disk:
    """Reads below `root`, through real folders only; each folder is looked at once."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Read below `root`, which itself may be reached through links."""
        self.root = os.fspath(root)
        self._prefix = self.root + "/"
        self._folders: dict[str, bool | Diagnostic] = {"": True}

    def read(self, path: str) -> Found:
        """Read the regular file `path` (relative, safe); anything else there is a problem."""
        folder = self.folder(parent(path))
        if folder is not True:
            return _NOTHING if folder is False else Found(problem=folder)
        try:
            fd = os.open(self._prefix + path, _READ)
        except OSError as error:
            return self._unopened(path, error)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return Found(problem=problems.not_a_file(path, status.st_mode, "file"))
            if status.st_nlink > 1:
                return Found(problem=problems.hard_link(path))
            return Found(_read_all(fd, status.st_size), bool(status.st_mode & 0o111))
        except OSError as error:
            return Found(problem=problems.cannot_read(path, error))
        finally:
            os.close(fd)

    def _unopened(self, path: str, error: OSError) -> Found:
        if isinstance(error, FileNotFoundError):
            return _NOTHING
        try:
            mode = os.lstat(self._prefix + path).st_mode
        except OSError:
            return Found(problem=problems.cannot_read(path, error))
        if stat.S_ISLNK(mode):
            return Found(problem=problems.symlink(path))
        if not stat.S_ISREG(mode):
            return Found(problem=problems.not_a_file(path, mode, "file"))
        return Found(problem=problems.cannot_read(path, error))

    def folder(self, path: str) -> bool | Diagnostic:
        """Tell whether the folder `path` exists; a link or a file in the way is a diagnostic."""
        known = self._folders.get(path)
        if known is None:
            above = self.folder(parent(path))
            known = self._look(path) if above is True else above
            self._folders[path] = known
        return known

    def _look(self, path: str) -> bool | Diagnostic:
        try:
            mode = os.lstat(self._prefix + path).st_mode
        except FileNotFoundError:
            return False
        except OSError as error:
            return problems.cannot_read(path, error)
        if stat.S_ISLNK(mode):
            return problems.symlink(path)
        return stat.S_ISDIR(mode) or problems.not_a_file(path, mode, "folder")

    def names(self, folder: str) -> list[tuple[str, bool]]:
        """The entries of `folder`, sorted: name, and whether it is a real folder; empty if it cannot be read."""
        if self.folder(folder) is not True:
            return []
        try:
            with os.scandir(self._prefix + folder) as entries:
                return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        except OSError:
            return []

    def exists(self, path: str) -> bool:
        """Tell whether anything at all has the name `path`."""
        try:
            os.lstat(self._prefix + path)
        except OSError:
            return False
        return True


def _read_all(fd: int, size: int) -> bytes:
    data = os.read(fd, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while data:
        data = os.read(fd, 1 << 20)
        parts.append(data)
    return b"".join(parts)
