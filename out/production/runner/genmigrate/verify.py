"""Turns schemas into a verdict: at the head, whole, from the files as they are, and as the migrations make them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from genmigrate import history, manifest, snapshot
from genmigrate.codes import CODE_OF_WORD, FAILED, RunError
from genmigrate.job import Job, explain
from genmigrate.output import NAMED, names

if TYPE_CHECKING:
    from genmigrate.history import History
    from genmigrate.plan import Target
    from genmigrate.session import Session
    from genmigrate.survey import State

UPGRADE = "python3 -m genmigrate upgrade"


def verify(job: Job) -> None:
    past = history.read(Path.cwd(), job.service.config)
    drift = job.order.get("drift") or job.plan.policy.verify == "drift"
    kept = expected(job, past) if drift else None
    session = job.connect(job.url(), create=False)
    try:
        _edited(job, session, past)
        for state in manifest.judge(session, job.service.name, job.survey(session, past), past):
            job.watch.check()
            _verify(job, session, past, state, kept)
    finally:
        session.close()


def expected(job: Job, past: History) -> dict[str, Any]:
    file = snapshot.place(Path.cwd(), job.service.config)
    kept = snapshot.load(file)
    if kept["head"] != past.head:
        reason = f"{file} is of revision {kept['head']}, the migrations are at {past.head}"
        raise RunError("usage", reason, snapshot.MAKE)
    return kept


def differences(session: Session, target: Target, table: str, kept: dict[str, Any]) -> list[str]:
    found = snapshot.compare(kept["objects"], snapshot.describe(session, target.schema, table))
    here = server_version(session)
    if found and kept["server"] != here:
        found.append(
            f"the snapshot is of PostgreSQL {kept['server']}, this is {here}: it may spell some otherwise"
        )
    return found


def server_version(session: Session) -> int:
    return int(session.rows("SELECT current_setting('server_version_num')::int / 10000")[0][0])


def _edited(job: Job, session: Session, past: History) -> None:
    found = manifest.edited(session, job.service.name, past)
    if found is None:
        job.note(f"{job.service.name}: no manifest tells whether a file was edited after it was applied")
    for revision, count, example in found or ():
        where = f"{count} schemas, {example} among them" if count > 1 else example
        job.line(f"  ✗ {job.service.name} edited: {revision.file.name} is not what was applied to {where}")
        job.line("    → bring the file back as it was, and make the change a new revision")
        job.ended_with(FAILED)


def _verify(job: Job, session: Session, past: History, state: State, kept: dict[str, Any] | None) -> None:
    label = state.target.label
    if state.word != "up-to-date":
        why, way_out = state.reason, state.way_out
        if state.word in ("pending", "missing-schema"):
            lacks = names([revision.slug for revision in state.pending])
            why, way_out = f"{state.target.schema} lacks {lacks}", UPGRADE
        elif not why:
            why, way_out = explain(state, job.service, job.plan, past)
        job.line(f"  ✗ {label} {state.word}: {why}", failed=1)
        job.line(f"    → {way_out}")
        return job.ended_with(CODE_OF_WORD[state.word] or FAILED)
    reason, shown = drift(job, session, state.target, kept) if kept else ("", [])
    if not reason:
        return job.line(f"  ✓ {label} verified", up_to_date=1)
    job.line(f"  ✗ {label} drifted: {reason}", failed=1)
    for each in shown:
        job.line(f"    → {each}")
    return job.ended_with(CODE_OF_WORD["drifted"])


def drift(job: Job, session: Session, target: Target, kept: dict[str, Any]) -> tuple[str, list[str]]:
    found = differences(session, target, job.service.version_table, kept)
    what = "1 difference" if len(found) == 1 else f"{len(found)} differences"
    more = [f"and {len(found) - NAMED} more"] if len(found) > NAMED else []
    return f"{what} from what the migrations make" if found else "", found[:NAMED] + more
