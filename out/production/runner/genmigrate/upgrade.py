"""Turns a service's schemas that are behind into schemas at the head, canaries first, and says so line by line."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genmigrate import history, manifest, verify
from genmigrate.codes import OK, RunError, worst
from genmigrate.hands import Hands
from genmigrate.job import Job, explain
from genmigrate.output import names
from genmigrate.preflight import refuse_pooled, refuse_standby, room
from genmigrate.schedule import AGAIN, Schedule, Work
from genmigrate.session import Session, quoted, sqlstate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genmigrate.exchange import Message
    from genmigrate.history import History, Revision
    from genmigrate.plan import Target
    from genmigrate.survey import State

READY = ("up-to-date", "pending", "missing-schema")

WAY_OUT = {
    "locked": "nothing of it was applied: run again later",
    "no-right": "grant the right to the role in the URL, or run as the owner",
    "read-only": "the database takes no writes: name one that does, or correct default_transaction_read_only",
    "unreachable": AGAIN,
    "terminated": AGAIN,
}
CANARY = "the canary failed, no other schema was touched"
HALVED = "part of it was committed in its autocommit block: look at the schema before it runs again"
NO_MANIFEST = (
    "no manifest is kept: this role may not write the schema genmigrate (grant CREATE on the database)"
)


def run(job: Job) -> None:
    past = history.read(Path.cwd(), job.service.config)
    url = job.url()
    session = job.connect(url, job.plan.create_databases)
    try:
        refuse_standby(session, url)
        states = job.judge(session, past)
        pending = [state for state in states if state.word in READY[1:]]
        kept = None
        if pending:
            refuse_pooled(job, session, url)
            kept = verify.expected(job, past) if job.plan.policy.verify == "drift" else None
        bad = [state for state in states if state.word not in READY]
        allowed = job.plan.policy.max_failed_tenants
        if bad:
            _refuse(job, past, bad)
        first = canaries(job)
        compared = [
            state for state in states if kept and state.word == "up-to-date" and state.target in first
        ]
        _already(job, [state for state in states if state.word == "up-to-date" and state not in compared])
        hurt = any(state.target in first for state in bad)
        if hurt and pending:
            job.note(f"{job.service.name}: {CANARY}")
        if hurt or (allowed is not None and len(bad) > allowed):
            return _skip(job, past, pending)
        if pending:
            left = None if allowed is None else allowed - len(bad)
            Upgrade(job, past, session, kept).run([*compared, *pending], left)
    finally:
        session.close()


def event(what: str, state: State, **more: object) -> Message:
    return {"event": what, "schema": state.target.schema, "tenant": state.target.tenant, **more}


def canaries(job: Job) -> set[Target]:
    policy = job.plan.policy
    found = {target for target in job.targets if target.tenant in policy.canary}
    return found or set(job.targets[: policy.verify == "drift"])


def _already(job: Job, states: Sequence[State]) -> None:
    lines = ((f"  ✓ {s.target.label} already up-to-date", event("up-to-date", s)) for s in states)
    job.lines(lines, "up_to_date")


def _refuse(job: Job, past: History, states: Sequence[State]) -> None:
    for state in states:
        error = RunError(state.word, *explain(state, job.service, job.plan, past))
        job.line(
            f"  ✗ {state.target.label} {error.word}: {error.reason}",
            event("failed", state, word=error.word, reason=error.reason, way_out=[error.way_out]),
            failed=1,
        )
        job.line(f"    → {error.way_out}")
        job.ended_with(error.code)


class Upgrade:
    command, verb = "upgrade", "applied"

    def __init__(
        self, job: Job, past: History, session: Session, snapshot: dict[str, Any] | None = None
    ) -> None:
        self._job = job
        self._snapshot = snapshot
        self._canaries = canaries(job)
        self._past = past
        self._session = session
        self._runner = int(session.rows("SELECT pg_backend_pid()")[0][0])
        self._kept = manifest.prepare(session)
        self._hands = Hands(job, 1)

    def run(self, states: Sequence[State], allowed: int | None) -> None:
        job, plan = self._job, self._job.plan
        if self._kept:
            what = (job.run, job.service.name, plan.environment, self.command, plan.digest)
            manifest.begin_run(self._session, *what, self._past)
        else:
            job.note(f"{job.service.name}: {NO_MANIFEST}")
        alone = any(revision.alone for state in states for revision in self._revisions(state))
        self._hands.limit = 1 if alone else room(job, self._session)
        schedule = Schedule(
            job, self._session, self._hands, self._order, self._ready, self._done, self._failed
        )
        schedule.total = len(states)
        others = [state for state in states if state.target not in self._canaries]
        try:
            left = schedule.work_off([state for state in states if state.target in self._canaries], 0)
            if not schedule.failures:
                left += schedule.work_off(others, allowed)
                others = []
            elif others:
                job.note(f"{job.service.name}: {CANARY}")
            _skip(job, self._past, [*left, *others])
        finally:
            self._hands.end()
            job.modules |= self._hands.modules
            job.working, job.backends = {}, set()
            if self._kept and not self._session.lost():
                summary = {"schemas": len(states), "failed": schedule.failures}
                with_code = worst(job.codes) if job.codes else OK
                manifest.end_run(self._session, job.run, job.service.name, with_code, summary)
                if job.order.get("document"):
                    job.document = manifest.as_document(self._session, job.run, job.service.name)
        if schedule.stopped:
            job.ended_with(RunError(schedule.stopped, "").code)

    def _revisions(self, state: State) -> Sequence[Revision]:
        return state.pending

    def _now(self, work: Work) -> State:
        job, target = self._job, work.state.target
        state = job.survey(self._session, self._past, (target,))[0]
        if work.since and state.word == "pending":
            state = manifest.tell_dirty(self._session, job.service.name, [state], self._past)[0]
        if state.word not in READY:
            raise RunError(state.word, *explain(state, job.service, job.plan, self._past))
        return state

    def _compare(self, work: Work) -> None:
        if self._snapshot and work.state.target in self._canaries:
            reason, found = verify.drift(self._job, self._session, work.state.target, self._snapshot)
            if reason:
                work.at, work.result = "", {"found": found}
                raise RunError("drifted", reason)

    def _order(self, work: Work) -> Message:
        job = self._job
        return {
            "task": "up",
            "schema": work.state.target.schema,
            "goal": self._past.head,
            "run": job.run,
            "application": job.application,
            "runner": self._runner,
            "patience": job.patience_s,
            "manifest": self._kept,
            "digest": job.plan.digest,
        }

    def _ready(self, work: Work) -> bool:
        job, target, state = self._job, work.state.target, self._now(work)
        if state.word == "up-to-date" and not work.tries:
            self._compare(work)
            _already(job, [state])
            return False
        apart = [target.version_schema] * (target.version_schema != target.schema)
        for schema in [target.schema] * (state.word == "missing-schema") + apart:
            create_schema(self._session, schema)
        if self._past.head is None:
            _already(job, [state])
            return False
        return True

    def _done(self, work: Work) -> None:
        job, target = self._job, work.state.target
        after = job.survey(self._session, self._past, (target,))[0]
        if after.word != "up-to-date":
            missing = names([revision.slug for revision in after.pending]) or after.word
            reason = f"Alembic ended without an error, but {target.schema} still lacks {missing}"
            work.result = {"revision": "", "place": "migrations/env.py: does it commit?"}
            raise RunError("failed", reason)
        self._compare(work)
        applied = [revision.slug for revision in work.state.pending]
        seconds = work.result.get("seconds", 0)
        job.line(
            f"  ✓ Applied new migrations to {target.label} ({', '.join(applied)})",
            event("applied", work.state, revisions=applied, seconds=seconds),
            applied=1,
        )

    def _failed(self, work: Work, error: RunError) -> None:
        job, state, result = self._job, work.state, work.result
        by_alembic = "revision" in result
        revision = self._past.slug(result.get("revision") or "") if by_alembic else work.at
        at = (
            f" at {revision or 'env.py'}"
            if by_alembic
            else f" at {work.at}"
            if work.at not in ("", "env.py")
            else ""
        )
        hints = [
            result.get("place", ""),
            error.way_out or WAY_OUT.get(error.word, "") if by_alembic else error.way_out,
            *result.get("found", ()),
        ]
        hints += [HALVED if result.get("halved") else "", self._stands(state)]
        told = event("failed", state, word=error.word, revision=revision, reason=error.reason)
        told.update(sqlstate=result.get("sqlstate", ""), way_out=[hint for hint in hints if hint])
        job.line(f"  ✗ {state.target.label} {error.word}{at}: {error.reason}", told, failed=1)
        job.ended_with(error.code)
        for hint in hints:
            if hint:
                job.line(f"    → {hint}")

    def _stands(self, state: State) -> str:
        try:
            now = self._job.survey(self._session, self._past, (state.target,))[0]
        except (RunError, self._session.errors):
            return ""
        here = names([self._past.slug(revision) for revision in now.current]) or "no revision"
        left = {revision.id for revision in self._revisions(now)}
        kept = [revision.slug for revision in self._revisions(state) if revision.id not in left]
        return f"{state.target.schema} is at {here}" + (
            f", this run {self.verb} {names(kept)}" if kept else ""
        )


def create_schema(session: Session, schema: str) -> None:
    if session.rows("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", [schema]):
        return
    try:
        session.rows(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    except session.errors as error:
        if sqlstate(error) == "42501":
            raise RunError(
                "no-right", f"schema {schema} may not be created", "grant CREATE on the database"
            ) from None
        if sqlstate(error) not in ("23505", "42P06"):
            raise


def _skip(job: Job, past: History, states: Sequence[State]) -> None:
    def standing(state: State) -> str:
        if not state.current:
            return "skipped, nothing applied yet"
        return f"skipped, still at {names([past.slug(revision) for revision in state.current])}"

    for text, group in groupby(sorted(states, key=standing), key=standing):
        members = [state.target for state in group]
        told = {"event": "skipped", "schemas": [target.schema for target in members]}
        job.line(f"  – {names([target.label for target in members])} {text}", told, skipped=len(members))
