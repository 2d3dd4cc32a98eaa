"""Turns version tables into a report, or into the answer to: may an image that needs its own revisions start?"""

from __future__ import annotations

import time
from pathlib import Path

from genmigrate import history, survey
from genmigrate.codes import CODE_OF_WORD, Trouble
from genmigrate.history import History
from genmigrate.job import Job, explain
from genmigrate.output import names
from genmigrate.session import Session
from genmigrate.survey import State

POLL_S = 0.5
NEEDS_PERSON = ("unversioned", "unstamped")


def status(job: Job) -> None:
    """Leave the state of each schema in the job's result; changes nothing."""
    past = history.read(Path.cwd(), job.service.config)
    job.heads = [{"revision": past.head, "name": past.slug(past.head)}] if past.head else []
    for state in states(job, past):
        why, way_out = ("", "")
        if state.word not in ("up-to-date", "pending", "missing-schema"):
            why, way_out = explain(state, job.service, job.plan, past)
        job.schemas.append(
            {
                "schema": state.target.schema,
                "tenant": state.target.tenant,
                "state": state.word,
                "current": [{"revision": each, "name": past.slug(each)} for each in state.current],
                "pending": [{"revision": each.id, "name": each.slug} for each in state.pending],
                "reason": why,
                "way_out": way_out,
            }
        )
        job.ended_with(CODE_OF_WORD[state.word])


def states(job: Job, past: History) -> list[State]:
    """The job's schemas as they are; a database that `upgrade` would create counts as one without schemas."""
    url = job.url()
    try:
        session = job.connect(url, create=False)
    except Trouble as trouble:
        if trouble.word == "missing-database" and job.plan.create_databases:
            return survey.missing(job.targets, past)
        raise
    try:
        return job.survey(session, past)
    finally:
        session.close()


def wait(job: Job) -> None:
    """Wait until PostgreSQL answers and, with at_least, until each schema is where this image needs it."""
    give_up = time.monotonic() + job.patience_s
    url = job.url()
    if not job.order.get("at_least"):
        try:
            job.connect(url, create=False).close()
        except Trouble as trouble:
            if trouble.word != "missing-database" or not job.plan.create_databases:
                raise
        return job.line(f"  ✓ {job.service.name}: PostgreSQL at {url.place} answers", up_to_date=1)
    past = history.read(Path.cwd(), job.service.config)
    session: Session | None = None
    told = ""
    try:
        while True:
            job.watch.check()
            try:
                session = session or job.connect(url, create=False)
                lacking = [state for state in job.survey(session, past) if not _enough(state)]
                text = "; ".join(_lack(job, past, state) for state in lacking[:3])
            except Trouble as trouble:
                if trouble.word != "missing-database" or time.monotonic() + POLL_S > give_up:
                    raise
                lacking, text = [], trouble.reason
            except Exception as error:  # the session may be cut while one waits: connect again, bounded
                if session is None or not isinstance(error, session.errors) or time.monotonic() > give_up:
                    raise
                session.close()
                session, lacking, text = None, [], "the connection was cut"
            if session is not None and not text:
                return _all_enough(job)
            if time.monotonic() + POLL_S > give_up:
                return _too_late(job, past, lacking)
            if text != told:
                told = text
                job.note(f"waiting: {text}")
            time.sleep(POLL_S)
    finally:
        if session is not None:
            session.close()


def _enough(state: State) -> bool:
    """At the head, or at a revision that this image does not know: somebody newer was here."""
    return state.word in ("up-to-date", "unknown-revision")


def _lack(job: Job, past: History, state: State) -> str:
    if state.word in NEEDS_PERSON:
        return explain(state, job.service, job.plan, past)[0]
    if state.word == "missing-schema":
        return f"schema {state.target.schema} is not there"
    here = names([past.slug(revision) for revision in state.current]) or "no revision"
    return f"{state.target.schema} is at {here} and needs {names([each.slug for each in state.pending])}"


def _all_enough(job: Job) -> None:
    for target in job.targets:
        job.line(f"  ✓ {target.label} is at least where this image needs it", up_to_date=1)


def _too_late(job: Job, past: History, lacking: list[State]) -> None:
    for state in lacking:
        word = state.word if state.word in NEEDS_PERSON else "behind"
        job.line(f"  ✗ {state.target.label} {word}: {_lack(job, past, state)}", failed=1)
        job.ended_with(CODE_OF_WORD[word])
    job.line("    → run the migrations of this image: python3 -m genmigrate upgrade")
