"""Turns schemas that the migrations made from nothing into the snapshot that others are compared with."""
from __future__ import annotations
import json
import os
from pathlib import Path
from . import manifest, snapshot
from .codes import RunError
from .output import NAMED
from .survey import READY
from .verify import server_version
def take(job):
 file = snapshot.place(Path.cwd(), job.service.config)
 with job.connect() as session:
  objects, server = made(job, session), server_version(session)
 if job.order.get("check"):
  return check(job, file, objects, server)
 save(file, job.past.head, server, objects)
 return _agrees(job, f"snapshot at {_head(job)}: {len(objects)} objects in {file}")
def made(job, session):
 plan, service, past = job.plan, job.service, job.past
 if not plan.create_databases:
  reason = f"a snapshot is what the migrations make, it is never taken from {plan.environment}"
  raise RunError("refused", reason, "use the local plan, in CI or on your machine")
 objects = {}
 for state in manifest.judge(session, service.name, job.survey(session), past):
  schema, way_out = state.target.schema, _by_gen(job, "upgrade")
  found = snapshot.describe(session, schema, service.version_table)
  objects = objects or found
  if state.word in READY[1:]:
   raise RunError("refused", f"schema {schema} is {state.word}", f"migrate it: {way_out}")
  if state.word != "up-to-date":
   reason = f"schema {schema} is {state.word}"
  elif not made_from_nothing(session, plan.environment, service.name, schema, past):
   reason = f"no manifest tells that {schema} was made from nothing by the files as they are"
  elif found != objects:
   reason = f"in {schema} {snapshot.compare(objects, found)[0]}, unlike in the schema before"
  else:
   continue
  raise RunError("refused", reason, f"make it anew: drop it, then {way_out}")
 return objects
def made_from_nothing(session, environment, service, schema, past):
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
def check(job, file, objects, server):
 shown = os.path.normpath(Path(job.service.path, os.path.relpath(file)))
 renew = f"renew it, and commit it: {_by_gen(job, 'upgrade')} && {_by_gen(job, 'snapshot')}"
 try:
  kept = snapshot.load(file)
 except RunError as trouble:
  raise RunError(trouble.word, trouble.reason.replace(str(file), shown), renew) from None
 found = snapshot.compare(objects, kept["objects"])
 if found and kept["server"] != server:
  found.append(
   f"it is of PostgreSQL {kept['server']}, this is {server}: one may spell some otherwise than the other"
  )
 if kept["head"] != job.past.head:
  found.insert(0, f"it is of revision {kept['head']}, the migrations are at {job.past.head}")
 if found:
  more = [f"and {len(found) - NAMED} more"] if len(found) > NAMED else []
  reason = f"the snapshot {shown} is not what the migrations make"
  job.failed(None, RunError("drifted", reason), hints=[*found[:NAMED], *more, renew])
  return
 _agrees(job, f"snapshot is what the migrations make: {len(objects)} objects at {_head(job)}")
def _by_gen(job, command):
 return f"{job.order.get('tool', 'gen')} migrate {command} --service {job.service.name}"
def _head(job):
 return job.past.slug(job.past.head or "nothing")
def _agrees(job, text):
 job.line(f"  ✓ {job.service.name} {text}", up_to_date=len(job.targets))
def save(file, head, server, objects):
 document = {"version": snapshot.VERSION, "head": head, "server": server, "objects": objects}
 file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
