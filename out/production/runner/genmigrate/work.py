"""Turns one schema's task into where it stands, and who stands in its way."""
from __future__ import annotations
import time
from dataclasses import dataclass, field
from .output import one_line
BLOCKERS_S = 0.5
BLOCKERS = """SELECT w.pid, b.pid, b.application_name, b.state,
 coalesce(extract(epoch FROM clock_timestamp() - b.xact_start), 0)::int, b.query
 FROM pg_stat_activity w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) x(pid)
 JOIN pg_stat_activity b ON b.pid = x.pid WHERE w.pid = ANY(%s::int[]) AND w.wait_event_type = 'Lock'"""
@dataclass
class Work:
 state: State
 current: tuple[str, ...] = ()
 lacks: list[str] = field(default_factory=list)
 tries: int = 0
 not_before: float = 0.0
 ready: float = 0.0
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
 def label(self):
  return self.state.target.label
def find_blockers(session, works):
 by_backend = {work.backend: work for work in works if work.backend}
 found = {}
 for waiter, *blocker in session.rows(BLOCKERS, [list(by_backend)]) if by_backend else ():
  found.setdefault(waiter, []).append(_spell(*blocker))
 for waiter, blockers in found.items():
  by_backend[waiter].blocked = time.monotonic()
  by_backend[waiter].blockers = f", blocked by {' and '.join(dict.fromkeys(blockers))}"
def _spell(pid, name, state, seconds, query):
 what = f"{name or 'no name'}, {state or 'state unknown'}, transaction of {seconds} s"
 return f"pid {pid} ({what}: {one_line(query)[:120]})"
