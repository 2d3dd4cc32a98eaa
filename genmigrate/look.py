"""Turns version tables into a report, or into the answer to: may an image that needs its own revisions start?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from genmigrate import history, survey
from genmigrate.codes import CODE_OF_WORD, RunError
from genmigrate.job import Job, explain
from genmigrate.output import names

if TYPE_CHECKING:
    from genmigrate.history import History
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
    except RunError as trouble:
        if trouble.word == "missing-database" and job.plan.create_databases:
            return survey.missing(job.targets, past)
        raise
    try:
        return job.judge(session, past)
    finally:
        session.close()


def wait(job: Job) -> None:
    """Wait until PostgreSQL answers and, with at_least, until each schema is where this image needs it."""
    if job.order.get("at_least"):
        return _wait_for_schemas(job)
    url = job.url()
    try:
        job.connect(url, create=False).close()
    except RunError as error:
        if error.word != "missing-database" or not job.plan.create_databases:
            raise
    return job.line(f"  ✓ {job.service.name}: PostgreSQL at {url.place} answers", up_to_date=1)


def _wait_for_schemas(job: Job) -> None:
    """Look again and again until the job's patience ends; one look with a patience of 0."""
    give_up = time.monotonic() + job.patience_s
    past = history.read(Path.cwd(), job.service.config)
    told = ""
    while True:
        job.watch.check()
        last = time.monotonic() + POLL_S > give_up
        found = _lacking(job, past, last, max(0.0, give_up - time.monotonic()))
        if found == []:
            return _all_enough(job)
        if found and last:
            return _too_late(job, past, found)
        text = (
            "; ".join(_lack(job, past, state) for state in (found or ())[:3]) or "no answer from the database"
        )
        if text != told:
            told = text
            job.note(f"waiting: {text}")
        time.sleep(POLL_S)


def _lacking(job: Job, past: History, last: bool, left_s: float) -> list[State] | None:
    """The schemas that this image cannot work with; None when there is no answer and it is not the last look."""
    try:
        session = job.connect(job.url(), False, left_s)
    except RunError as error:
        if error.word != "missing-database" or last:
            raise
        return None
    try:
        return [state for state in job.survey(session, past) if not _enough(state, past)]
    except session.errors:  # cut while one waits, by a failover for instance
        if last:
            raise
        return None
    finally:
        session.close()


def _enough(state: State, past: History) -> bool:
    """At the head, or at nothing but revisions that this image does not know: somebody newer was here."""
    known = [revision for revision in state.current if revision in past.revisions]
    newer = state.word == "unknown-revision" and all(revision == past.head for revision in known)
    return newer or state.word == "up-to-date"


def _lack(job: Job, past: History, state: State) -> str:
    if state.word in NEEDS_PERSON:
        return explain(state, job.service, job.plan, past)[0]
    if state.word == "missing-schema":
        return f"schema {state.target.schema} is not there"
    here = names([past.slug(revision) for revision in state.current]) or "no revision"
    return f"{state.target.schema} is at {here} and needs {names([each.slug for each in past.pending(state.current)])}"


def _all_enough(job: Job) -> None:
    for target in job.targets:
        job.line(f"  ✓ {target.label} is at least where this image needs it", up_to_date=1)


def _too_late(job: Job, past: History, lacking: list[State]) -> None:
    for state in lacking:
        word = state.word if state.word in NEEDS_PERSON else "behind"
        job.line(f"  ✗ {state.target.label} {word}: {_lack(job, past, state)}", failed=1)
        job.ended_with(CODE_OF_WORD[word])
    job.line("    → run the migrations of this image: python3 -m genmigrate upgrade")
