"""Turns what is pending in each schema into the SQL that would run, without running it."""
from __future__ import annotations
from io import StringIO
from typing import Any
from .alembic_run import RevisionError, agree, reason_of
from .alembic_run import run as run_alembic
from .codes import CODE_OF_WORD
from .fresh import in_schema
from .look import states
from .output import names
from .session import quoted
from .survey import READY
def run(job):
 groups = {}
 for state in states(job):
  if state.word not in READY:
   error = job.explain(state)
   job.note(f"{state.target.label} {state.word}: {error.reason}")
   job.note(f"  → {error.way_out}")
   job.ended_with(error.code)
  elif state.word == "up-to-date":
   job.note(f"{state.target.label} already up-to-date")
  else:
   groups.setdefault((state.word == "missing-schema", state.current), []).append(state)
 if groups:
  job.line(f"-- database: {job.service.database}")
  job.line("\\set ON_ERROR_STOP on")
 for (create, current), members in groups.items():
  job.watch.check()
  _group(job, members, current, create)
def _group(job, members, current, create):
 past, first = job.past, members[0]
 came = names([past.slug(revision) for revision in current]) or "nothing"
 job.line(f"-- {job.service.name}: from {came} to {past.slug(past.head or '')}")
 job.line(f"-- schemas: {', '.join(state.target.schema for state in members)}")
 if len(members) > 1:
  job.line(f"-- spelt for {first.target.schema}; for another one put its name in this schema's place")
 apart = first.target.version_schema != first.target.schema
 for schema in [first.target.schema] * create + [first.target.version_schema] * apart:
  job.line(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)};")
 job.line(f"SET search_path TO {quoted(first.target.schema)};")
 job.line("")
 try:
  rendered = _render(job.service, first.target, past, current, job.url())
 except RevisionError as error:
  job.note(f"{first.target.label} cannot be rendered offline: {error.reason}")
  if error.place:
   job.note(f"  → {error.place}")
  return job.ended_with(CODE_OF_WORD["failed"])
 sql, hole, left = rendered
 for text in sql.strip("\n").split("\n"):
  job.line(text)
 job.line("")
 if hole:
  revision, reason = hole
  file = past.revisions[revision].file.name
  job.note(f"{job.service.name}: {past.slug(revision)} cannot be rendered offline: {reason} ({file})")
  if left:
   job.note(
    f"{job.service.name}: the SQL ends there, without {names([past.slug(each) for each in left])}"
   )
 return None
def _render(
 service, target, history, start, url
):
 buffer = StringIO()
 holes = []
 left = []
 end = []
 def guarded(step, context):
  original = step.migration_fn
  def migrate(**arguments):
   if holes:
    left.append(step.revision.revision)
    return
   start_of_step = buffer.tell()
   try:
    original(**arguments)
   except Exception as error:
    buffer.seek(start_of_step)
    buffer.truncate()
    reason = url.hide(reason_of(error))
    holes.append((step.revision.revision, reason))
    name = history.slug(step.revision.revision)
    buffer.write(
     f"-- {name} cannot be rendered offline: {reason}\n{_refusal(name)}\n\nROLLBACK;\n"
    )
    end.append(buffer.tell())
  step.migration_fn = migrate
  return step
 def options(given):
  given["transaction_per_migration"] = True
  agree(given, service, target)
 mode = {"as_sql": True, "starting_rev": list(start) or None}
 try:
  with in_schema(target.schema):
   run_alembic(service, url, history.head, guarded, options, mode, buffer)
 except (Exception, SystemExit) as error:
  raise RevisionError(error, url) from None
 return buffer.getvalue()[: end[0] if end else None], holes[0] if holes else None, left
def _refusal(name):
 spelt = "".join(sign for sign in name if sign.isalnum() or sign in "_-. ")
 return f"DO $$ BEGIN RAISE EXCEPTION 'revision {spelt} has to be applied by Alembic'; END $$;"
