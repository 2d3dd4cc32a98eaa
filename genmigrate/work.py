"""Turns one schema's task into where it stands, and who stands in its way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .output import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .hand import Message
    from .session import Session
    from .survey import State

BLOCKERS_S = 0.5
BLOCKERS = """SELECT w.pid, b.pid, b.application_name, b.state,
 coalesce(extract(epoch FROM clock_timestamp() - b.xact_start), 0)::int, b.query
 FROM pg_stat_activity w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) x(pid)
 JOIN pg_stat_activity b ON b.pid = x.pid WHERE w.pid = ANY(%s::int[]) AND w.wait_event_type = 'Lock'"""


@dataclass
class Work:
    """One schema's task, and where it is."""

    state: State
    current: tuple[str, ...] = ()  # what its version table said when it was handed out
    lacks: list[str] = field(default_factory=list)  # schemas to be made
    tries: int = 0
    not_before: float = 0.0
    ready: float = 0.0  # when it was locked and looked at
    since: float = 0.0
    told: str = ""
    at: str = ""
    phase: str = ""
    backend: int = 0
    began: float = 0.0
    blockers: str = ""
    blocked: float = 0.0
    result: Message = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name to show."""
        return self.state.target.label


def find_blockers(session: Session, works: Iterable[Work]) -> None:
    """Note in each of these that waits for a lock whom it waits for."""
    by_backend = {work.backend: work for work in works if work.backend}
    found: dict[int, list[str]] = {}
    for waiter, *blocker in session.rows(BLOCKERS, [list(by_backend)]) if by_backend else ():
        found.setdefault(waiter, []).append(_spell(*blocker))
    for waiter, blockers in found.items():
        by_backend[waiter].blocked = time.monotonic()
        by_backend[waiter].blockers = f", blocked by {' and '.join(dict.fromkeys(blockers))}"


def _spell(pid: int, name: str, state: str, seconds: int, query: str) -> str:
    what = f"{name or 'no name'}, {state or 'state unknown'}, transaction of {seconds} s"
    return f"pid {pid} ({what}: {one_line(query)[:120]})"
