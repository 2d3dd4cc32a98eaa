"""Turns version tables into a report, or into the answer to: may an image start?"""
from __future__ import annotations
import time
from . import manifest, survey
from .codes import CODE_OF_WORD, RunError
from .output import names
POLL_S = 0.5
NEEDS_PERSON = ("unversioned", "unstamped", "unknown-revision")
UPGRADE = "run the migrations of this image: python3 -m genmigrate upgrade"
def status(job):
 past = job.past
 job.heads = [{"revision": past.head, "name": past.slug(past.head)}] if past.head else []
 for state in states(job):
  facts = {"word": state.word, "reason": state.reason, "way_out": state.way_out}
  if not state.reason and state.word not in survey.READY:
   facts = job.explain(state).facts
  job.schemas.append(
   {
    "schema": state.target.schema,
    "tenant": state.target.tenant,
    "state": facts.pop("word"),
    "current": [{"revision": each, "name": past.slug(each)} for each in state.current],
    "pending": [{"revision": each.id, "name": each.slug} for each in state.pending],
    **facts,
   }
  )
  job.ended_with(CODE_OF_WORD[state.word])
def states(job):
 past = job.past
 try:
  with job.connect() as session:
   return manifest.judge(session, job.service.name, job.survey(session), past)
 except RunError as trouble:
  if trouble.word == "missing-database" and job.plan.create_databases:
   return survey.missing(job.targets, past)
  raise
def wait(job):
 if job.order.get("at_least"):
  return _wait_for_schemas(job)
 try:
  job.connect().close()
 except RunError as error:
  if error.word != "missing-database" or not job.plan.create_databases:
   raise
 return job.line(f"  ✓ {job.service.name}: PostgreSQL at {job.url().place} answers", up_to_date=1)
def _wait_for_schemas(job):
 give_up, told = time.monotonic() + job.patience_s, ""
 while True:
  job.watch.check()
  last = time.monotonic() + POLL_S > give_up
  found = _lacking(job, last, max(0.0, give_up - time.monotonic()))
  if found == []:
   for target in job.targets:
    job.line(f"  ✓ {target.label} is at least where this image needs it", up_to_date=1)
   return None
  if found and (last or any(state.word == "unknown-revision" for state in found)):
   return _too_late(job, found)
  text = "; ".join(_lack(job, state) for state in (found or ())[:3]) or "no answer from the database"
  if text != told:
   told = text
   job.note(f"waiting: {text}")
  time.sleep(POLL_S)
def _lacking(job, last, left_s):
 try:
  session = job.connect(patience_s=left_s)
 except RunError as error:
  if error.word != "missing-database" or last:
   raise
  return None
 with session:
  try:
   return _not_enough(job, session)
  except session.errors:
   if last:
    raise
   return None
def _not_enough(job, session):
 past, found = job.past, job.survey(session)
 strange = any(state.word == "unknown-revision" for state in found)
 graph = manifest.known(session, job.service.name) if strange else None
 lacking = []
 for state in manifest.tell_ahead(job.service.name, found, graph, past):
  if graph is None and state.word == "unknown-revision":
   newer = {past.head}.issuperset(past.revisions.keys() & set(state.current))
   state = state._replace(word="ahead" if newer else "pending")
  if state.word not in ("up-to-date", "ahead"):
   lacking.append(state)
 if strange and graph is None and not lacking:
  job.note(
   f"{job.service.name}: no manifest tells what is newer, so an unknown revision is taken for it"
  )
 return lacking
def _lack(job, state):
 if state.word in NEEDS_PERSON:
  return job.explain(state).reason
 schema, past = state.target.schema, job.past
 if state.word == "missing-schema":
  return f"schema {schema} is not there"
 needs = names([each.slug for each in past.pending(state.current)])
 return f"{schema} is at {past.at(state.current)} and needs {needs}"
def _too_late(job, lacking):
 way_out = UPGRADE
 for state in lacking:
  error = RunError("behind", _lack(job, state))
  if state.word in NEEDS_PERSON:
   error = job.explain(state)
   way_out = error.way_out
  job.failed(state, error, hints=())
 job.line(f"    → {way_out}")
