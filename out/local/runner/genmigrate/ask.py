"""Turns questions about a service's schemas into answers that change nothing: plan, unlock --show, check."""
from __future__ import annotations
from .codes import RunError
from .lock import HELD, key_of, statements_key
from .look import states
from .output import names, one_line
from .schedule import Schedule
from .survey import READY
from .upgrade import canaries
HOLDERS = f"""SELECT l.classid::bigint << 32 | l.objid::bigint, l.pid, coalesce(a.application_name, ''), a.client_addr,
 a.state, extract(epoch FROM clock_timestamp() - a.backend_start)::int, coalesce(a.query, '')
 FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid) WHERE {HELD}"""
def plan(job):
 first = canaries(job)
 groups = {}
 for state in states(job):
  if state.word in READY:
   key = (state.target not in first, tuple(each.slug for each in state.pending))
   groups.setdefault(key, []).append(state)
  else:
   job.failed(state, job.explain(state))
 for (late, pending), members in sorted(groups.items(), key=lambda group: group[0][0]):
  labels = names([state.target.label for state in members])
  told = {
   "event": "would-apply",
   "schemas": [s.target.schema for s in members],
   "revisions": list(pending),
  }
  if pending:
   early = "" if late else " first (canary)"
   job.line(f"  – {len(members)} would get {', '.join(pending)}{early}: {labels}", told)
  else:
   job.line(f"  ✓ {len(members)} up-to-date: {labels}", {**told, "event": "up-to-date"})
def unlock(job):
 with job.connect() as session:
  held = session.rows(HOLDERS)
 schemas = {key_of(target.schema): target.schema for target in job.targets}
 schemas |= {statements_key(target.schema): target.schema for target in job.targets}
 found = [(schemas[key], *row) for key, *row in held if key in schemas]
 for schema, pid, name, client, state, seconds, query in sorted(found, key=str):
  who = f"pid {pid} ({name or 'no name'}, from {client or 'a socket'}, {state}, {seconds} s)"
  told = {"event": "lock", "schema": schema, "pid": pid, "application": name, "seconds": seconds}
  job.line(f"  – {schema} is held by {who}: {one_line(query)[:120]}", told)
  job.line(f"    → it ends with that session; to end it: SELECT pg_terminate_backend({pid})")
 if not found:
  job.line(f"  ✓ {job.service.name}: no schema is locked", {"event": "unlocked"}, up_to_date=1)
def check(job):
 ready = [state for state in states(job) if state.word == "up-to-date"][:1]
 if not ready:
  raise RunError("failed", "none of its schemas is up-to-date", "upgrade first")
 with job.connect() as session:
  Check(job, session).run(ready)
class Check(Schedule):
 def run(self, states):
  try:
   self.work_off(states, 0)
  finally:
   self._hands.end()
 def _order(self, work):
  more = {"task": "check", "goal": "", "runner": 0, "keeps_manifest": False}
  return {**super()._order(work), **more}
 def _done(self, work):
  job, found = self._job, work.result["differences"]
  if found:
   error = RunError("failed", f"models and migrations differ in {len(found)} places")
   job.failed(None, error, hints=found[:20])
  else:
   job.line(f"  ✓ {job.service.name}: models and migrations agree", up_to_date=1)
 def _failed(self, work, error):
  self._job.failed(None, error, " at env.py", [work.result.get("place", "")])
