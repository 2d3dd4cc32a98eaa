"""Turns questions about a service's schemas into answers that change nothing: plan, unlock --show, check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genmigrate.codes import RunError
from genmigrate.hands import Hands
from genmigrate.lock import key_of, statements_key
from genmigrate.look import states
from genmigrate.output import names, one_line
from genmigrate.schedule import Schedule, Work
from genmigrate.survey import READY
from genmigrate.upgrade import canaries

if TYPE_CHECKING:
    from genmigrate.job import Job
    from genmigrate.survey import State

HELD = """SELECT l.classid::bigint << 32 | l.objid::bigint, l.pid, coalesce(a.application_name, ''), a.client_addr,
 a.state, extract(epoch FROM clock_timestamp() - a.backend_start)::int, coalesce(a.query, '')
 FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory'
 AND l.granted AND l.objsubid = 1
 AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"""


def plan(job: Job) -> None:
    """What an upgrade would do, in its order."""
    first = canaries(job)
    groups: dict[tuple[bool, tuple[str, ...]], list[State]] = {}
    for state in states(job):
        if state.word in READY:
            key = (state.target not in first, tuple(each.slug for each in state.pending))
            groups.setdefault(key, []).append(state)
        else:
            job.failed(state, job.explain(state))
    for (late, pending), members in sorted(groups.items(), key=lambda group: group[0][0]):
        labels = names([state.target.label for state in members])
        told = {
            "event": "would-apply",
            "schemas": [s.target.schema for s in members],
            "revisions": list(pending),
        }
        if pending:
            early = "" if late else " first (canary)"
            job.line(f"  – {len(members)} would get {', '.join(pending)}{early}: {labels}", told)
        else:
            job.line(f"  ✓ {len(members)} up-to-date: {labels}", {**told, "event": "up-to-date"})


def unlock(job: Job) -> None:
    """Who holds locks of the job's schemas; such a lock ends with its session, so nothing is ever stale."""
    with job.connect() as session:
        held = session.rows(HELD)
    schemas = {key_of(target.schema): target.schema for target in job.targets}
    schemas |= {statements_key(target.schema): target.schema for target in job.targets}
    found = [(schemas[key], *row) for key, *row in held if key in schemas]
    for schema, pid, name, client, state, seconds, query in sorted(found, key=str):
        who = f"pid {pid} ({name or 'no name'}, from {client or 'a socket'}, {state}, {seconds} s)"
        told = {"event": "lock", "schema": schema, "pid": pid, "application": name, "seconds": seconds}
        job.line(f"  – {schema} is held by {who}: {one_line(query)[:120]}", told)
        job.line(f"    → it ends with that session; to end it: SELECT pg_terminate_backend({pid})")
    if not found:
        job.line(f"  ✓ {job.service.name}: no schema is locked", {"event": "unlocked"}, up_to_date=1)


def check(job: Job) -> None:
    """Whether the models say what the migrations made, on the first of the job's schemas that is at the head."""
    ready = [state for state in states(job) if state.word == "up-to-date"][:1]
    if not ready:
        raise RunError("failed", "none of its schemas is up-to-date", "upgrade first")
    hands = Hands(job, 1)
    session = job.connect()

    def order(work: Work) -> dict[str, object]:
        order = {"task": "check", "schema": work.state.target.schema, "goal": "", "run": job.run, "runner": 0}
        return {
            **order,
            "application": job.application,
            "patience": job.patience_s,
            "manifest": False,
            "digest": job.plan.digest,
        }

    def done(work: Work) -> None:
        found = work.result["differences"]
        if found:
            error = RunError("failed", f"models and migrations differ in {len(found)} places")
            job.failed(None, error, hints=found[:20])
        else:
            job.line(f"  ✓ {job.service.name}: models and migrations agree", up_to_date=1)

    def failed(work: Work, error: RunError) -> None:
        job.failed(None, error, " at env.py", [work.result.get("place", "")])

    try:
        Schedule(job, session, hands, order, lambda work: True, done, failed).work_off(ready, 0)
    finally:
        hands.end()
        session.close()
