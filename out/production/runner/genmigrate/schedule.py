"""Turns schemas whose work waits into schemas whose work is done, as many at once as allowed."""
from __future__ import annotations
import random
import time
from collections import deque
from .codes import RunError
from .hands import Hands
from .lock import POLL_S, holder, key_of, statements_key
from .session import CANCELLED, CROWDED, RETRYABLE, sqlstate
from .watch import STOPPED
from .work import BLOCKERS_S, Work, find_blockers
LOOK_S = 0.05
HELD_S = 1.5
AGAIN = "run again, it goes on from the last whole revision"
LONGEST_PAUSE_S = 60.0
class Schedule:
 def __init__(self, job, session):
  self._job = job
  self._session = session
  self._hands = Hands(job)
  self._waiting = deque()
  self._prepared = deque()
  self._ended = []
  self._ahead = True
  self._cut = False
  self._told = deque()
  self._next_look = 0.0
  self._next_report = time.monotonic() + 1.0
  self._stopping = ""
  self._failures = 0
  self._finished = 0
  self._total = 0
 def _order(self, work):
  job = self._job
  return {
   "schema": work.state.target.schema,
   "run": job.run,
   "application": job.application,
   "patience_s": job.patience_s,
   "digest": job.plan.digest,
  }
 def _ready(self, work):
  return True
 def _begin(self, work):
  """Make what the work needs, still under the lock."""
 def _done(self, work):
  """Behind it, still under the lock."""
 def _failed(self, work, error):
  """Report it."""
 def work_off(self, states, failures_allowed):
  self._waiting = deque(Work(state) for state in states)
  while True:
   try:
    self._work_off(failures_allowed)
    return [work.state for work in self._waiting]
   except self._session.errors as error:
    if self._session.lost():
     self._cut = True
     self._put_back()
     if not self._stopping:
      self._stopping = "unreachable"
      self._job.note(f"{self._job.service.name} unreachable: {STOPPED[self._stopping]}")
      self._hands.stop(self._stopping)
    elif not self._job.watch.stop_word or sqlstate(error) != CANCELLED:
     raise
 def _work_off(self, allowed):
  while self._prepared or self._waiting or self._busy():
   if self._job.watch.stop_word and not self._stopping:
    self._stopping = self._job.watch.stop_word
    self._hands.stop(self._stopping)
   if self._is_over(allowed) and not self._busy():
    break
   self._hand_out(allowed)
   self._unlock(*self._ended)
   self._ended.clear()
   self._let_go()
   full = self._is_over(allowed) or not self._ahead or len(self._prepared) >= len(self._hands.all)
   self._told.extend(self._hands.listen(LOOK_S if full or not self._prepare() else 0))
   while self._told:
    self._hear(*self._told.popleft())
   self._look()
  self._put_back()
 def _let_go(self):
  if self._prepared and time.monotonic() > self._prepared[0].ready + HELD_S:
   self._put_back()
   self._ahead = False
 def _is_over(self, allowed):
  return bool(self._stopping) or (allowed is not None and self._failures > allowed)
 def _put_back(self):
  self._unlock(*self._ended, *self._prepared)
  self._waiting.extendleft(reversed(self._prepared))
  self._prepared.clear()
  self._ended.clear()
 def _hand_out(self, allowed):
  while not self._is_over(allowed) and (self._prepared or self._first()):
   hand = self._hands.idle(len(self._prepared) + len(self._waiting))
   if hand is None:
    return
   if self._prepared or (self._prepare() and self._prepared):
    self._give(hand)
 def _give(self, hand):
  work = self._prepared[0]
  try:
   self._begin(work)
  except RunError as error:
   self._fail(work, error)
   self._unlock(self._prepared.popleft())
   return
  work.began, work.at, work.backend, work.blockers = time.monotonic(), "", 0, ""
  hand.work, self._ahead = self._prepared.popleft(), True
  hand.wire.send(self._order(work))
  self._note_work()
 def _first(self):
  now = time.monotonic()
  return next((each for each in self._waiting if each.not_before <= now), None)
 def _prepare(self):
  work = self._first()
  if work is None or not self._lock(work):
   return work is not None
  try:
   ready = self._ready(work)
  except RunError as error:
   ready = False
   self._fail(work, error)
  else:
   self._finished += not ready
  self._waiting.remove(work)
  if ready:
   work.ready = time.monotonic()
   self._prepared.append(work)
  else:
   self._unlock(work)
  return True
 def _lock(self, work):
  schema, now = work.state.target.schema, time.monotonic()
  key, statements = key_of(schema), statements_key(schema)
  free = f"pg_try_advisory_lock({statements}) AND pg_advisory_unlock({statements})"
  mine, done = self._session.rows(f"SELECT pg_try_advisory_lock({key}), {free}")[0]
  if mine and done:
   return True
  if mine:
   self._unlock(work)
   key = statements
  work.since = work.since or now
  work.not_before = now + POLL_S
  reason = f"{schema} is being migrated by {holder(self._session.rows, key)}"
  if now > work.since + self._job.patience_s:
   self._waiting.remove(work)
   self._fail(work, RunError("locked", reason, "wait for it, run again"))
  elif not work.told:
   work.told = reason
   self._job.note(f"waiting: {reason}")
  return False
 def _unlock(self, *works):
  if works and not self._cut:
   keys = (key_of(work.state.target.schema) for work in works)
   self._session.rows(f"SELECT {', '.join(f'pg_advisory_unlock({key})' for key in keys)}")
 def _busy(self):
  return [hand.work for hand in self._hands.all if hand.work]
 def _note_work(self):
  busy = self._busy()
  self._job.working = {each.label: each.at for each in busy}
  self._job.backends = {each.backend for each in busy if each.backend}
 def _hear(self, hand, message):
  work = hand.work
  if message is None:
   code = self._hands.forget(hand)
   if work is None:
    return
   ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
   message = {"ended": {"word": "terminated", "revision": work.at, "reason": f"its process {ended}"}}
   if self._stopping:
    message["ended"].update(word=self._stopping, reason=STOPPED[self._stopping])
  if work is None:
   return
  work.backend = message.get("backend", work.backend)
  work.at, work.phase = message.get("at", work.at), message.get("phase", work.phase)
  if "ended" in message:
   hand.work = None
   work.result = message["ended"]
   word = self._job.watch.stop_word
   if word and work.result.get("sqlstate") == CANCELLED:
    work.result.update(word=word, reason=STOPPED[word])
   self._end(hand, work)
  self._note_work()
 def _end(self, hand, work):
  result = work.result
  if "word" in result and self._again(hand, work, result):
   self._unlock(work)
   return
  if "word" in result:
   self._fail(work, RunError(result["word"], result["reason"], result.get("way_out", "")))
   if result["word"] == "unreachable" and not self._stopping:
    self._session.rows("SELECT 1")
  elif self._cut:
   self._fail(work, RunError(self._stopping, STOPPED[self._stopping], AGAIN))
  else:
   try:
    self._done(work)
    self._finished += 1
   except RunError as error:
    self._fail(work, error)
   except self._session.errors:
    self._fail(work, RunError("unreachable", STOPPED["unreachable"], AGAIN))
    raise
  self._ended.append(work)
 def _again(self, hand, work, result):
  if self._stopping or result.get("halved"):
   return False
  now, retries = time.monotonic(), self._job.plan.policy.lock_retries
  pause = min(2.0**work.tries, LONGEST_PAUSE_S) * random.uniform(0.5, 1.5)
  if not result.get("revision") and any(text in result["reason"] for text in CROWDED):
   if len(self._hands.all) > 1 and hand in self._hands.all:
    self._hands.shrink(hand)
    self._job.note(f"too many connections: going on with {self._hands.limit} at once")
   elif now > (work.since or now) + self._job.patience_s:
    return False
   work.since = work.since or now
  elif result.get("sqlstate") in RETRYABLE and work.tries < retries:
   work.tries += 1
   tried = f"try {work.tries} of {retries} in {pause:.1f} s"
   self._job.note(f"{work.label} at {work.at}: {result['reason']}{work.blockers}; {tried}")
  else:
   if result.get("sqlstate") in RETRYABLE:
    result["reason"] += work.blockers
   return False
  work.not_before = now + pause
  self._waiting.appendleft(work)
  return True
 def _fail(self, work, error):
  self._failures += 1
  self._finished += 1
  self._failed(work, error)
 def _look(self):
  now = time.monotonic()
  busy = self._busy()
  if now >= self._next_look and busy and not self._stopping:
   self._next_look = now + min(BLOCKERS_S, self._job.plan.lock_timeout_ms / 4000 or BLOCKERS_S)
   find_blockers(self._session, busy)
  if now >= self._next_report and busy:
   self._next_report = now + 1.0
   at = [
    [w.label, w.at, w.phase, round(now - w.began, 1), w.blockers if now < w.blocked + 1 else ""]
    for w in busy
   ]
   self._job.progress(self._finished, self._total, at)
