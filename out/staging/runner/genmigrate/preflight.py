"""Turns a session that is about to change schemas into one that can."""
from __future__ import annotations
from contextlib import suppress
from .codes import RunError
from .session import Session, driver_module
LEFT_FREE = 2
SPARE = """SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
 - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int"""
def refuse_standby(session):
 if session.rows("SELECT pg_is_in_recovery()")[0][0]:
  raise RunError(
   "standby", f"PostgreSQL at {session.url.place} is a standby", "name the primary in the URL"
  )
def refuse_pooled(job, session):
 seen = "SELECT pg_backend_pid()"
 if session.rows(seen)[0][0] == session.client_side_pid:
  return
 url, shared = session.url, True
 with Session(driver_module(url), url, job.application) as other, suppress(session.errors):
  shared = other.rows(seen) == session.rows(seen)
  if not shared:
   shared = True
   other.rows("BEGIN")
   shared = other.rows(seen) == session.rows(seen)
   other.rows("ROLLBACK")
 if shared:
  reason = f"{url.place} is a pooler that keeps no session (PgBouncer in transaction mode?), so no lock holds"
  way_out = f"give migrations a {job.service.url_env} of PostgreSQL itself, or of a session pool"
  raise RunError("pooled", reason, way_out)
def room(job, session):
 wanted = job.plan.policy.parallelism
 spare = int(session.rows(SPARE)[0][0]) - LEFT_FREE
 most = max(1, min(wanted, spare))
 if most < wanted:
  job.note(f"{job.service.name}: {most} at once, not {wanted}: the server has no more free connections")
 return most
