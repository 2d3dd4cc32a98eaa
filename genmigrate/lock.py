"""Turns two runners that want the same schema into one after the other."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from .codes import RunError

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_S = 0.25


def key_of(schema: str) -> int:
    """The advisory lock of a schema."""
    return int.from_bytes(hashlib.sha256(f"genmigrate {schema}".encode()).digest()[:8], "big", signed=True)


def statements_key(schema: str) -> int:
    """The lock of the session that executes its statements, which may outlive the runner's."""
    return key_of(f"statements in {schema}")


def acquire(
    ask: Callable[[str], list[Any]], key: int, schema: str, patience_s: float, check: Callable[[], None]
) -> None:
    """Take a transaction's lock on the connection that answers `ask`; README.md says why by polling.

    Raises what `check` does, or RunError("locked") after `patience_s` seconds.
    """
    give_up = time.monotonic() + patience_s
    while not ask(f"SELECT pg_try_advisory_xact_lock({key})")[0][0]:
        check()
        if time.monotonic() > give_up:
            raise RunError(
                "locked", f"{schema} is being migrated by {holder(ask, key)}", "wait for it, run again"
            )
        time.sleep(POLL_S)


#: Which of pg_locks, as `l`, are advisory locks of one key each that sessions of this database hold.
HELD = (
    "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def matching(key: int) -> str:
    """What follows FROM to find this database's granted lock `l`."""
    return f"pg_locks l WHERE {HELD} AND {_place(key)}"


def owned(key: int, pid: int) -> str:
    """Whether granted lock `l` of pg_locks is this one, and of that server process, which is in one database."""
    return f"l.pid = {pid} AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND {_place(key)}"


def _place(key: int) -> str:
    unsigned = key & (2**64 - 1)
    return f"l.classid = {unsigned >> 32}::oid AND l.objid = {unsigned & (2**32 - 1)}::oid"


def holder(ask: Callable[[str], list[Any]], key: int) -> str:
    """Who holds it, in words."""
    name = "(SELECT a.application_name FROM pg_stat_activity a WHERE a.pid = l.pid)"
    rows = ask(f"SELECT l.pid, {name} FROM {matching(key)}")
    return " and ".join(f"pid {pid} ({name})" for pid, name in rows) or "another runner"
