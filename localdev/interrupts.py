"""Turns SIGINT, SIGTERM and SIGHUP into one exception, so that every command cleans up in its `finally`."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The user or the system ends the command; `code` is the exit code: 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


class _Pending:
    """What has arrived, and whether it has to wait."""

    arrived: int | None = None
    raised = False
    deferred = False


@contextmanager
def raised() -> Iterator[None]:
    """Raise Interrupted at the first signal inside the block; later ones are ignored: cleaning up has an end."""
    _Pending.arrived, _Pending.raised, _Pending.deferred = None, False, False
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        # nohup: a closed terminal does not end it
        if number != signal.SIGHUP or before[number] != signal.SIG_IGN:
            signal.signal(number, _receive)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def deferred() -> Iterator[None]:
    """Let a signal wait until the block is done: between the start of a process and its bookkeeping."""
    _Pending.deferred = True
    try:
        yield
    finally:
        _Pending.deferred = False
    if _Pending.arrived is not None and not _Pending.raised:
        _Pending.raised = True
        raise Interrupted(_Pending.arrived)


def _receive(number: int, _frame: FrameType | None) -> None:
    if _Pending.arrived is None:
        _Pending.arrived = number
    if not _Pending.deferred and not _Pending.raised:
        _Pending.raised = True
        raise Interrupted(_Pending.arrived)
