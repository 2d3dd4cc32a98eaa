"""Turns schemas that are behind into schemas at the head, canaries first."""
from __future__ import annotations
from itertools import groupby
from typing import Any
from . import manifest, verify
from .codes import CODE_OF_WORD, RunError, worst
from .job import event
from .output import names
from .preflight import refuse_pooled, refuse_standby, room
from .schedule import AGAIN, Schedule
from .session import quoted, sqlstate
from .survey import READY
WAY_OUT = {
 "locked": "nothing of it was applied: run again later",
 "no-right": "grant the right to the role in the URL, or run as the owner",
 "read-only": "the database takes no writes: name one that does, or correct default_transaction_read_only",
 "unreachable": AGAIN,
 "terminated": AGAIN,
}
CANARY = "the canary failed, no other schema was touched"
HALVED = "part of it was committed in its autocommit block: look at the schema before it runs again"
NO_MANIFEST = (
 "no manifest is kept: this role may not write the schema genmigrate (grant CREATE on the database)"
)
def run(job):
 past = job.past
 with job.connect(job.plan.create_databases) as session:
  refuse_standby(session)
  states = job.judge(session)
  pending = [state for state in states if state.word in READY[1:]]
  kept = None
  if pending:
   refuse_pooled(job, session)
   kept = verify.expected(job) if job.plan.policy.verify == "drift" else None
  bad = [state for state in states if state.word not in READY]
  allowed = job.plan.policy.max_failed_tenants
  for state in bad:
   job.failed(state, job.explain(state))
  first = canaries(job)
  ready = [state for state in states if state.word == "up-to-date"]
  compared = [state for state in ready if kept and state.target in first]
  _already(job, [state for state in ready if state not in compared])
  hurt = any(state.target in first for state in bad)
  if hurt and pending:
   job.note(f"{job.service.name}: {CANARY}")
  if hurt or (allowed is not None and len(bad) > allowed):
   return _skip(job, past, pending)
  if pending:
   left = None if allowed is None else allowed - len(bad)
   Upgrade(job, session, kept).run([*compared, *pending], left)
 return None
def canaries(job):
 policy = job.plan.policy
 found = {target for target in job.targets if target.tenant in policy.canary}
 return found or set(job.targets[: policy.verify == "drift"])
def _already(job, states):
 lines = ((f"  ✓ {s.target.label} already up-to-date", event("up-to-date", s)) for s in states)
 job.lines(lines, "up_to_date")
class Upgrade(Schedule):
 command, verb = "upgrade", "applied"
 def __init__(self, job, session, snapshot = None):
  super().__init__(job, session)
  self._snapshot = snapshot
  self._canaries = canaries(job)
  self._past = job.past
  self._runner = int(session.rows("SELECT pg_backend_pid()")[0][0])
  self._kept = manifest.prepare(session)
  self._unfinished = {schema for schema, *_ in manifest.unfinished(session, job.service.name)}
 def run(self, states, allowed):
  job, plan, name = self._job, self._job.plan, self._job.service.name
  if self._kept:
   what = (job.run, name, plan.environment, self.command, plan.digest)
   manifest.begin_run(self._session, *what, self._past)
  else:
   job.note(f"{name}: {NO_MANIFEST}")
  alone = any(revision.alone for state in states for revision in self._revisions(state))
  self._hands.limit = 1 if alone else room(job, self._session)
  self._total = len(states)
  others = [state for state in states if state.target not in self._canaries]
  try:
   left = self.work_off([state for state in states if state.target in self._canaries], 0)
   if not self._failures:
    left += self.work_off(others, allowed)
    others = []
   elif others:
    job.note(f"{name}: {CANARY}")
   _skip(job, self._past, [*left, *others])
  finally:
   self._hands.end()
   job.modules |= self._hands.modules
   job.working, job.backends = {}, set()
   if self._kept and not self._session.lost():
    summary = {"schemas": len(states), "failed": self._failures}
    manifest.end_run(self._session, job.run, name, worst(job.codes), summary)
    if job.order.get("document"):
     job.document = manifest.as_document(self._session, job.run, name)
  if self._stopping:
   job.ended_with(CODE_OF_WORD[self._stopping])
 def _revisions(self, state):
  return state.pending
 def _now(self, work):
  job, target = self._job, work.state.target
  state = job.survey(self._session, target)[0]
  if work.since and state.word == "pending":
   state = manifest.tell_dirty(self._session, job.service.name, [state], self._past)[0]
  if state.word not in READY:
   raise job.explain(state)
  return state
 def _compare(self, work):
  if self._snapshot and work.state.target in self._canaries:
   reason, found = verify.drift(self._job, self._session, work.state.target, self._snapshot)
   if reason:
    work.at, work.result = "", {"found": found}
    raise RunError("drifted", reason)
 def _order(self, work):
  unfinished = bool(work.state.target.schema in self._unfinished or work.since or work.tries)
  more = {
   "runner": self._runner,
   "keeps_manifest": self._kept,
   "unfinished": unfinished,
   "current": work.current,
  }
  return {**super()._order(work), "task": "up", "goal": self._past.head, **more}
 def _ready(self, work):
  job, target, state = self._job, work.state.target, self._now(work)
  work.current = state.current
  if state.word == "up-to-date" and not work.tries:
   self._compare(work)
   _already(job, [state])
   return False
  work.lacks = [target.schema] if state.word == "missing-schema" else []
  there = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
  apart = target.version_schema
  if apart != target.schema and not state.current and not self._session.rows(there, [apart]):
   work.lacks.append(apart)
  if self._past.head is None:
   self._begin(work)
   _already(job, [state])
  return self._past.head is not None
 def _begin(self, work):
  for schema in work.lacks:
   create_schema(self._session, schema)
 def _done(self, work):
  job, target = self._job, work.state.target
  after = None if work.result.get("seen") else job.survey(self._session, target)[0]
  if after and after.word != "up-to-date":
   missing = names([revision.slug for revision in after.pending]) or after.word
   reason = f"Alembic ended without an error, but {target.schema} still lacks {missing}"
   work.result = {"revision": "", "place": "migrations/env.py: does it commit?"}
   raise RunError("failed", reason)
  self._compare(work)
  applied = [revision.slug for revision in work.state.pending]
  told = event("applied", work.state, revisions=applied, seconds=work.result.get("seconds", 0))
  job.line(f"  ✓ Applied new migrations to {target.label} ({', '.join(applied)})", told, applied=1)
 def _failed(self, work, error):
  result, revision, way_out = work.result, work.at, error.way_out
  at = f" at {work.at}" if work.at not in ("", "env.py") else ""
  if "revision" in result:
   revision = self._past.slug(result["revision"] or "")
   at = f" at {revision or 'env.py'}"
   way_out = way_out or WAY_OUT.get(error.word, "")
  halved = HALVED if result.get("halved") else ""
  hints = [result.get("place", ""), way_out, *result.get("found", ()), halved, self._stands(work.state)]
  more = {"revision": revision, "sqlstate": result.get("sqlstate", "")}
  self._job.failed(work.state, error, at, hints, **more)
 def _stands(self, state):
  try:
   now = self._job.survey(self._session, state.target)[0]
  except (RunError, self._session.errors):
   return ""
  left = {revision.id for revision in self._revisions(now)}
  kept = [revision.slug for revision in self._revisions(state) if revision.id not in left]
  done = f", this run {self.verb} {names(kept)}" if kept else ""
  return f"{state.target.schema} is at {self._past.at(now.current)}{done}"
def create_schema(session, schema):
 try:
  session.rows(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
 except session.errors as error:
  if sqlstate(error) == "42501":
   reason = f"schema {schema} may not be created"
   raise RunError("no-right", reason, "grant CREATE on the database") from None
  if sqlstate(error) not in ("23505", "42P06"):
   raise
def _skip(job, past, states):
 def standing(state):
  if not state.current:
   return "skipped, nothing applied yet"
  return f"skipped, still at {past.at(state.current)}"
 for text, group in groupby(sorted(states, key=standing), key=standing):
  members = [state.target for state in group]
  told = {"event": "skipped", "schemas": [target.schema for target in members]}
  job.line(f"  – {names([target.label for target in members])} {text}", told, skipped=len(members))
