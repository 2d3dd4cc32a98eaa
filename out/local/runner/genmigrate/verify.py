"""Turns schemas into a verdict: at the head, whole, from the files as they are, without drift."""
from __future__ import annotations
from pathlib import Path
from typing import Any
from . import manifest, snapshot
from .codes import RunError
from .output import NAMED, names
UPGRADE = "python3 -m genmigrate upgrade"
def verify(job):
 past = job.past
 compare = job.order.get("drift") or job.plan.policy.verify == "drift"
 kept = expected(job) if compare else None
 with job.connect() as session:
  _edited(job, session)
  for state in manifest.judge(session, job.service.name, job.survey(session), past):
   job.watch.check()
   if state.word != "up-to-date":
    job.failed(state, _lacks(state) or job.explain(state))
    continue
   reason, shown = drift(job, session, state.target, kept) if kept else ("", [])
   if reason:
    job.failed(state, RunError("drifted", reason), hints=shown)
   else:
    job.line(f"  ✓ {state.target.label} verified", up_to_date=1)
def expected(job):
 if job.order.get("command") == "upgrade" and job.plan.create_databases:
  return None
 file = snapshot.place(Path.cwd(), job.service.config)
 kept = snapshot.load(file)
 if kept["head"] != job.past.head:
  reason = f"{file} is of revision {kept['head']}, the migrations are at {job.past.head}"
  raise RunError("usage", reason, snapshot.MAKE)
 return kept
def server_version(session):
 return int(session.rows("SELECT current_setting('server_version_num')::int / 10000")[0][0])
def _edited(job, session):
 found = manifest.edited(session, job.service.name, job.past)
 if found is None:
  job.note(f"{job.service.name}: no manifest tells whether a file was edited after it was applied")
 for revision, count, example in found or ():
  where = f"{count} schemas, {example} among them" if count > 1 else example
  reason = f"{revision.file.name} is not what was applied to {where}"
  way_out = "bring the file back as it was, and make the change a new revision"
  job.failed(None, RunError("edited", reason, way_out))
def _lacks(state):
 if state.word not in ("pending", "missing-schema"):
  return None
 reason = f"{state.target.schema} lacks {names([revision.slug for revision in state.pending])}"
 return RunError(state.word, reason, UPGRADE)
def drift(job, session, target, kept):
 found = snapshot.compare(
  kept["objects"], snapshot.describe(session, target.schema, job.service.version_table)
 )
 if found and kept["server"] != (here := server_version(session)):
  was = f"the snapshot is of PostgreSQL {kept['server']}, this is {here}"
  found.append(f"{was}: it may spell some otherwise")
 what = "1 difference" if len(found) == 1 else f"{len(found)} differences"
 more = [f"and {len(found) - NAMED} more"] if len(found) > NAMED else []
 return f"{what} from what the migrations make" if found else "", found[:NAMED] + more
