"""A child process in which the n-th operation on the disk fails, kills or interrupts."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Every way in which the writer touches the disk.
OPERATIONS = (
    "open",
    "write",
    "pwrite",
    "replace",
    "unlink",
    "mkdir",
    "rmdir",
    "chmod",
    "fchmod",
    "ftruncate",
    "fsync",
)


class Counter:
    """Counts the operations that write, and does `fault` (given the operation and its arguments) at the n-th."""

    def __init__(self, at: int, fault: Callable[[str, tuple[Any, ...]], None], onwards: bool = False) -> None:
        self.at, self.fault, self.onwards = at, fault, onwards
        self.count = 0
        self.originals = {name: getattr(os, name) for name in OPERATIONS}

    def __enter__(self) -> Counter:
        for name, original in self.originals.items():
            setattr(os, name, self._wrapped(name, original))
        return self

    def __exit__(self, *_: object) -> None:
        for name, original in self.originals.items():
            setattr(os, name, original)

    def _wrapped(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            writes = name != "open" or args[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes:
                self.count += 1
                if self.count == self.at or (self.onwards and self.count > self.at):
                    self.fault(name, args)
            return original(*args, **kwargs)

        return call


def kill(name: str, args: tuple[Any, ...]) -> None:
    """Die on the spot, in the middle of a write if it is one."""
    if name == "write":
        fd, data = args
        os.pwritev(fd, [bytes(data)[: len(data) // 2]], 0)
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(run: Callable[[], int | None]) -> int:
    """Run `run` in a forked process; its exit code (None = 0), or minus the signal that ended it.

    An exception is exit code 99, with the traceback on stderr.
    """
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = run() or 0
        except BaseException:  # noqa: BLE001 - also a Ctrl-C must not run the rest of pytest twice
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
