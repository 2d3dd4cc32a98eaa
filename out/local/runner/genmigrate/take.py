"""Turns schemas that the migrations made from nothing into the snapshot that others are compared with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from . import manifest, snapshot
from .codes import RunError
from .verify import UPGRADE, server_version

if TYPE_CHECKING:
    from .history import History
    from .job import Job
    from .session import Session

LOCAL = "local"


def take(job: Job) -> None:
    past = job.past
    if job.plan.environment != LOCAL:
        reason = f"a snapshot is what the migrations make, it is never taken from {job.plan.environment}"
        raise RunError("refused", reason, "use the local plan, in CI or on your machine")
    with job.connect() as session:
        objects: dict[str, str] = {}
        for state in manifest.judge(session, job.service.name, job.survey(session), past):
            schema = state.target.schema
            found = snapshot.describe(session, schema, job.service.version_table)
            objects = objects or found
            if state.word != "up-to-date":
                reason = f"schema {schema} is {state.word}"
            elif not made_from_nothing(session, LOCAL, job.service.name, schema, past):
                reason = f"no manifest tells that {schema} was made from nothing by the files as they are"
            elif found != objects:
                reason = f"in {schema} {snapshot.compare(objects, found)[0]}, unlike in the schema before"
            else:
                continue
            raise RunError("refused", reason, f"make it anew: drop it, then {UPGRADE}")
        file = snapshot.place(Path.cwd(), job.service.config)
        save(file, past.head, server_version(session), objects)
    head = past.slug(past.head or "nothing")
    text = f"  ✓ {job.service.name} snapshot at {head}: {len(objects)} objects in {file}"
    job.line(text, up_to_date=len(job.targets))


def made_from_nothing(session: Session, environment: str, service: str, schema: str, past: History) -> bool:
    done = past.ancestors([past.head] if past.head else [])
    rows = manifest.read(
        session,
        "SELECT revision, checksum, direction, environment FROM genmigrate.applied "
        "LEFT JOIN genmigrate.runs USING (run, service) WHERE service = %s AND schema = %s ORDER BY id DESC LIMIT %s",
        service,
        schema,
        len(done),
    )
    return {(r, past.revisions[r].checksum, "up", environment) for r in done} == set(rows or ())


def save(file: Path, head: str | None, server: int, objects: dict[str, str]) -> None:
    document = {"version": snapshot.VERSION, "head": head, "server": server, "objects": objects}
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
