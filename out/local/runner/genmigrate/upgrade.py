"""Turns a service's schemas that are behind into schemas at the head, one after the other, and says so line by line."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from genmigrate import alembic_run, history
from genmigrate.codes import CODE_OF_WORD, RunError
from genmigrate.job import Job, explain
from genmigrate.lock import locked
from genmigrate.output import names, one_line
from genmigrate.session import Session, quoted, sqlstate, word_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genmigrate.history import History
    from genmigrate.survey import State
    from genmigrate.url import DatabaseUrl

READY = ("up-to-date", "pending", "missing-schema")

WAY_OUT = {
    "locked": "nothing of it was applied: run again later",
    "no-right": "grant the right to the role in the URL, or run as the owner",
    "read-only": "the database takes no writes: name one that does, or correct default_transaction_read_only",
    "unreachable": "run again, it goes on from the last whole revision",
}
HALVED = "part of it was committed in its autocommit block: look at the schema before it runs again"


def run(job: Job) -> None:
    """Migrate the job's targets.

    Files and versions are judged before anything is touched. At the first schema that fails the others stay as
    they are. Raises RunError for what concerns the whole service.
    """
    past = history.read(Path.cwd(), job.service.config)
    url = job.url()
    session = job.connect(url, job.plan.create_databases)
    try:
        if session.rows("SELECT pg_is_in_recovery()")[0][0]:
            raise RunError(
                "standby", f"PostgreSQL at {url.place} is a standby", "name the primary in the URL"
            )
        states = job.survey(session, past)
        if any(state.word not in READY for state in states):
            _refuse(job, past, states)
        else:
            _migrate(job, past, states, session, url)
    finally:
        session.close()


def _refuse(job: Job, past: History, states: Sequence[State]) -> None:
    for state in states:
        if state.word not in READY:
            why, way_out = explain(state, job.service, job.plan, past)
            job.line(f"  ✗ {state.target.label} {state.word}: {why}", failed=1)
            job.line(f"    → {way_out}")
            job.ended_with(CODE_OF_WORD[state.word])
    _skip(job, past, [state for state in states if state.word in READY])


def _migrate(job: Job, past: History, states: Sequence[State], session: Session, url: DatabaseUrl) -> None:
    for index, state in enumerate(states):
        label = state.target.label
        try:
            job.watch.check()
            applied = [] if state.word == "up-to-date" else _bring_to_head(job, past, state, session, url)
        except (RunError, alembic_run.RevisionError, session.errors) as error:
            _report(job, past, state, error, session)
            return _skip(job, past, states[index + 1 :])
        if applied:
            job.line(
                f"  ✓ Applied new migrations to {label} ({', '.join(map(past.slug, applied))})", applied=1
            )
        else:
            job.line(f"  ✓ {label} already up-to-date", up_to_date=1)
    return None


def _bring_to_head(job: Job, past: History, state: State, session: Session, url: DatabaseUrl) -> list[str]:
    """Apply what is pending under the schema's lock, and believe only what its version table says afterwards."""
    target = state.target
    with locked(session, target.schema, job.patience_s, job.watch.check):
        state = job.survey(session, past, (target,))[0]
        if state.word not in READY:  # another runner, with other files, was here while we waited
            raise RunError(state.word, *explain(state, job.service, job.plan, past))
        if state.word == "up-to-date":
            return []
        for schema in dict.fromkeys((target.schema, target.version_schema)):
            _create_schema(session, schema)
        if past.head is None:
            return []
        applied = alembic_run.upgrade(job, target, past, url, session)
        after = job.survey(session, past, (target,))[0]
    if after.word != "up-to-date":
        missing = names([revision.slug for revision in after.pending]) or after.word
        reason = f"Alembic ended without an error, but {target.schema} still lacks {missing}"
        raise alembic_run.RevisionError(None, reason, "migrations/env.py: does it commit?")
    return applied


def _create_schema(session: Session, schema: str) -> None:
    if session.rows("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s", [schema]):
        return
    try:
        session.rows(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    except session.errors as error:
        if sqlstate(error) == "42501":
            raise RunError(
                "no-right", f"schema {schema} may not be created", "grant CREATE on the database"
            ) from None
        if sqlstate(error) not in ("23505", "42P06"):  # made by somebody else in this very moment
            raise


def _report(job: Job, past: History, state: State, error: Exception, session: Session) -> None:
    """The line of the schema that failed, and where it stands now."""
    label = state.target.label
    began, revision = job.working_at
    job.working_at = ("", "")
    if isinstance(error, session.errors):  # the runner's own session; it only asks what cannot fail
        word = word_of(error, lost=session.lost()) or "failed"
        error = RunError(word, job.url().hide(one_line(error)), WAY_OUT.get(word, ""))
    if isinstance(error, RunError):
        at = f" at {revision}" if began == label and revision != "env.py" else ""
        job.line(f"  ✗ {label} {error.word}{at}: {error.reason}", failed=1)
        job.ended_with(error.code)
        hints = [error.way_out]
    elif isinstance(error, alembic_run.RevisionError):
        at = past.slug(error.revision) if error.revision else "env.py"
        job.line(f"  ✗ {label} {error.word} at {at}: {error.reason}", failed=1)
        job.ended_with(CODE_OF_WORD[error.word])
        hints = [error.place, WAY_OUT.get(error.word, ""), HALVED if error.halved else ""]
    else:
        raise error
    for hint in [*hints, _stands(job, past, state, session)]:
        if hint:
            job.line(f"    → {hint}")


def _stands(job: Job, past: History, state: State, session: Session) -> str:
    try:
        now = job.survey(session, past, (state.target,))[0]
    except (RunError, session.errors):
        return ""
    here = names([past.slug(revision) for revision in now.current]) or "no revision"
    waiting = {revision.id for revision in now.pending}
    kept = [revision.slug for revision in state.pending if revision.id not in waiting]
    return f"{state.target.schema} is at {here}" + (f", this run applied {names(kept)}" if kept else "")


def _skip(job: Job, past: History, states: Sequence[State]) -> None:
    """Name the schemas that were left as they were, those at the same revision together."""

    def standing(state: State) -> str:
        if state.word == "up-to-date":
            return "already up-to-date"
        if not state.current:
            return "skipped, nothing applied yet"
        return f"skipped, still at {names([past.slug(revision) for revision in state.current])}"

    for text, group in groupby(sorted(states, key=standing), key=standing):
        members = [state.target.label for state in group]
        if text == "already up-to-date":
            for label in members:
                job.line(f"  ✓ {label} {text}", up_to_date=1)
        else:
            job.line(f"  – {names(members)} {text}", skipped=len(members))
