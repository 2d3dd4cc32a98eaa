"""Turns two runners that want the same schema into one after the other."""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from genmigrate.codes import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genmigrate.session import Session

POLL_S = 0.25


def key_of(schema: str) -> int:
    """The advisory lock of a schema; PostgreSQL keeps such locks apart by database."""
    return int.from_bytes(hashlib.sha256(f"genmigrate {schema}".encode()).digest()[:8], "big", signed=True)


@contextmanager
def locked(session: Session, schema: str, patience_s: float, check: Callable[[], None]) -> Iterator[None]:
    """Hold the advisory lock of a schema of this database.

    Polls with try-lock: a session that blocks in pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY of
    the holder waits for that snapshot, which is a deadlock. `check` is called between attempts and may raise.
    Raises RunError("locked") naming the holder after `patience_s` seconds.
    """
    key = key_of(schema)
    acquire(session.rows, key, schema, patience_s, check)
    try:
        yield
    finally:
        with suppress(session.errors):  # the connection is gone, and the lock with it
            session.rows("SELECT pg_advisory_unlock(%s)", [key])


def acquire(
    ask: Callable[[str], list[Any]], key: int, schema: str, patience_s: float, check: Callable[[], None]
) -> None:
    """Take one advisory lock on the connection that answers `ask`. Raises RunError("locked")."""
    give_up = time.monotonic() + patience_s
    while not ask(f"SELECT pg_try_advisory_lock({key})")[0][0]:
        check()
        if time.monotonic() > give_up:
            raise RunError(
                "locked", f"{schema} is being migrated by {_holder(ask, key)}", "wait for it, run again"
            )
        time.sleep(POLL_S)


def matching(key: int) -> str:
    """What stands behind FROM to find this database's granted lock `l` of that key."""
    unsigned = key & (2**64 - 1)
    return (
        "pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' "
        f"AND l.granted AND l.classid = {unsigned >> 32}::oid AND l.objid = {unsigned & (2**32 - 1)}::oid "
        "AND l.objsubid = 1 "
        "AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
    )


def _holder(ask: Callable[[str], list[Any]], key: int) -> str:
    rows = ask(f"SELECT pid, a.application_name FROM {matching(key)}")
    return " and ".join(f"pid {pid} ({name})" for pid, name in rows) or "another runner"
