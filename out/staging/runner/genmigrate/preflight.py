"""Turns a session that is about to change schemas into one that can: of a primary, without a pooler, with room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genmigrate.codes import RunError
from genmigrate.session import Session, driver_module

if TYPE_CHECKING:
    from genmigrate.job import Job
    from genmigrate.url import DatabaseUrl

LEFT_FREE = 2
SPARE = """SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
 - (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')::int"""


def refuse_standby(session: Session, url: DatabaseUrl) -> None:
    if session.rows("SELECT pg_is_in_recovery()")[0][0]:
        raise RunError("standby", f"PostgreSQL at {url.place} is a standby", "name the primary in the URL")


def refuse_pooled(job: Job, session: Session, url: DatabaseUrl) -> None:
    seen = "SELECT pg_backend_pid()"
    if session.rows(seen)[0][0] == session.client_side_pid:
        return
    other = Session(driver_module(url), url, job.application)
    try:
        shared = other.rows(seen) == session.rows(seen)
        if not shared:
            other.rows("BEGIN")
            shared = other.rows(seen) == session.rows(seen)
            other.rows("ROLLBACK")
    except session.errors:
        shared = True
    finally:
        other.close()
    if shared:
        reason = f"{url.place} is a pooler that keeps no session (PgBouncer in transaction mode?), so no lock holds"
        raise RunError(
            "pooled",
            reason,
            f"give migrations a {job.service.url_env} of PostgreSQL itself, or of a session pool",
        )


def room(job: Job, session: Session) -> int:
    wanted = job.plan.policy.parallelism
    spare = int(session.rows(SPARE)[0][0]) - LEFT_FREE
    if wanted > max(spare, 1):
        job.note(
            f"{job.service.name}: {max(spare, 1)} at once, not {wanted}: the server has no more free connections"
        )
    return max(1, min(wanted, spare))
