"""Turns version tables into a report, or into the answer to: may an image that needs its own revisions start?"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from genmigrate import history, manifest, survey
from genmigrate.codes import CODE_OF_WORD, RunError
from genmigrate.job import Job, explain
from genmigrate.output import names

if TYPE_CHECKING:
    from genmigrate.history import History
    from genmigrate.session import Session
    from genmigrate.survey import State

POLL_S = 0.5
NEEDS_PERSON = ("unversioned", "unstamped", "unknown-revision")


def status(job: Job) -> None:
    past = history.read(Path.cwd(), job.service.config)
    job.heads = [{"revision": past.head, "name": past.slug(past.head)}] if past.head else []
    for state in states(job, past):
        why, way_out = state.reason, state.way_out
        if not why and state.word not in ("up-to-date", "pending", "missing-schema"):
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
    url = job.url()
    try:
        session = job.connect(url, create=False)
    except RunError as trouble:
        if trouble.word == "missing-database" and job.plan.create_databases:
            return survey.missing(job.targets, past)
        raise
    try:
        return manifest.judge(session, job.service.name, job.survey(session, past), past)
    finally:
        session.close()


def wait(job: Job) -> None:
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
    give_up = time.monotonic() + job.patience_s
    past = history.read(Path.cwd(), job.service.config)
    told = ""
    while True:
        job.watch.check()
        last = time.monotonic() + POLL_S > give_up
        found = _lacking(job, past, last, max(0.0, give_up - time.monotonic()))
        if found == []:
            return _all_enough(job)
        if found and (last or any(state.word == "unknown-revision" for state in found)):
            return _too_late(job, past, found)
        text = (
            "; ".join(_lack(job, past, state) for state in (found or ())[:3]) or "no answer from the database"
        )
        if text != told:
            told = text
            job.note(f"waiting: {text}")
        time.sleep(POLL_S)


def _lacking(job: Job, past: History, last: bool, left_s: float) -> list[State] | None:
    try:
        session = job.connect(job.url(), False, left_s)
    except RunError as error:
        if error.word != "missing-database" or last:
            raise
        return None
    try:
        return _not_enough(job, session, past)
    except session.errors:
        if last:
            raise
        return None
    finally:
        session.close()


def _not_enough(job: Job, session: Session, past: History) -> list[State]:
    found = job.survey(session, past)
    strange = any(state.word == "unknown-revision" for state in found)
    graph = manifest.known(session, job.service.name) if strange else None
    lacking = []
    for state in manifest.tell_ahead(job.service.name, found, graph, past):
        if graph is None and state.word == "unknown-revision":
            newer = {past.head}.issuperset(past.revisions.keys() & set(state.current))
            state = replace(state, word="ahead" if newer else "pending")
        if state.word not in ("up-to-date", "ahead"):
            lacking.append(state)
    if strange and graph is None and not lacking:
        job.note(
            f"{job.service.name}: no manifest tells what is newer, so an unknown revision is taken for it"
        )
    return lacking


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
    way_out = "run the migrations of this image: python3 -m genmigrate upgrade"
    for state in lacking:
        word = state.word if state.word in NEEDS_PERSON else "behind"
        job.line(f"  ✗ {state.target.label} {word}: {_lack(job, past, state)}", failed=1)
        job.ended_with(CODE_OF_WORD[word])
        if word != "behind":
            way_out = explain(state, job.service, job.plan, past)[1]
    job.line(f"    → {way_out}")
