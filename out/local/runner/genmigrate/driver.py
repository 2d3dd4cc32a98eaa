"""Turns a plan into orders for its services, and their answers into lines and one exit code."""
from __future__ import annotations
import signal
import time
from collections import Counter
from contextlib import suppress
from typing import NamedTuple
from . import exchange as exchanges
from .codes import OK, RunError, worst
from .exchange import GRACE_S, LOOK_S, SIGNALS, Beat, Exchange, Message, Pulse
from .log import Log
from .output import names, say_exactly
COUNTED = ("up_to_date", "applied", "failed", "skipped")
class Order(NamedTuple):
 command: str
 targets: dict[str, tuple[Target, ...]]
 timeout_s: float
 worker_timeout_s: float
 deadline_s: float
 more: Message
class Outcome:
 def __init__(self, service):
  self.service = service
  self.code = OK
  self.counts = Counter()
  self.result = {"schemas": [], "heads": [], "document": None}
class Driver:
 def __init__(self, plan, exchange, workers, order, style):
  self.plan = plan
  self.order = order
  self.run_id = exchanges.new_id()[:6]
  self.log = Log(style, self.run_id)
  self.outcomes = []
  self._exchange = exchange
  self._workers = workers
  self._started = {}
  self._seen = set()
  self._stop_word = ""
  self._give_up = time.monotonic() + order.deadline_s if order.deadline_s else float("inf")
  self._services = [service for service in plan.services if order.targets.get(service.name)]
 def run(self, go_on):
  names_of_all = tuple(service.name for service in self.plan.services)
  exchanges.claim(self._exchange)
  beat = Beat(self._exchange, "driver", {"run": self.run_id})
  beat.start()
  try:
   self._exchange.clear(names_of_all)
   for number in SIGNALS:
    signal.signal(number, self._on_signal)
   missing = self._missing_worker()
   if missing:
    self.outcomes.append(missing)
    return missing.code
   for index, service in enumerate(self._services):
    outcome = self._serve(service, self._services[index + 1 : index + 2])
    self.outcomes.append(outcome)
    if outcome.code != OK and (self._stop_word or not go_on):
     break
   return worst(outcome.code for outcome in self.outcomes)
  finally:
   self.log.idle()
   self._end(names_of_all)
   beat.end()
   (self._exchange.folder / "driver").unlink(missing_ok=True)
 def name_the_rest(self):
  left, asked = 0, {outcome.service.name for outcome in self.outcomes}
  for name in [service.name for service in self._services if service.name not in asked]:
   targets = self.order.targets[name]
   left += len(targets)
   labels = names([target.label for target in targets])
   told = {"event": "skipped", "schemas": [target.schema for target in targets]}
   self.log.line(f"  – {name} not started: {labels} skipped", service=name, event=told)
  return left
 def _on_signal(self, number, frame):
  self._stop_word = self._stop_word or ("interrupted" if number == signal.SIGINT else "terminated")
 def _missing_worker(self):
  if self._workers.mode != "external" or self.order.command != "upgrade":
   return None
  for service in self._services:
   try:
    self._await_worker(service)
   except RunError as trouble:
    return self._failed(Outcome(service), trouble)
  return None
 def _failed(self, outcome, trouble):
  outcome.code = trouble.code
  outcome.result.update(trouble.facts)
  name, note = outcome.service.name, self.order.command == "sql"
  told = {"event": "failed", **trouble.facts, "way_out": [trouble.way_out]}
  text = f"  ✗ {name} {trouble.word}: {trouble.reason}"
  self.log.line(text, note=note, service=name, event=told)
  if trouble.way_out:
   self.log.line(f"    → {trouble.way_out}", note=note, service=name)
  return self._counted(outcome)
 def _counted(self, outcome):
  settled = sum(outcome.counts.values())
  outcome.counts["failed"] += len(self.order.targets[outcome.service.name]) - settled
  return outcome
 def _serve(self, service, following):
  outcome = Outcome(service)
  try:
   self._start(service)
   worker = self._await_worker(service)
   self._exchange.put(f"{service.name}.go", self._go(service, worker))
   for each in following:
    self._start(each)
   self._follow(service, worker, outcome)
  except RunError as trouble:
   return self._failed(outcome, trouble)
  return outcome if outcome.code == OK else self._counted(outcome)
 def _go(self, service, worker):
  return {
   "run": self.run_id,
   "worker": worker,
   "command": self.order.command,
   "digest": self.plan.digest,
   "schemas": [target.schema for target in self.order.targets[service.name]],
   "timeout": self.order.timeout_s,
   **self.order.more,
  }
 def _start(self, service):
  if service.name not in self._started:
   started = self._workers.start(service)
   if started:
    self._started[service.name] = started
 def _await_worker(self, service):
  give_up = time.monotonic() + self.order.worker_timeout_s
  started = self._started.get(service.name)
  while True:
   self._check()
   alive = self._exchange.get(f"{service.name}.alive")
   if alive and alive.get("worker"):
    return str(alive["worker"])
   code = started.ended() if started else None
   if code is not None and code < 0:
    raise RunError("terminated", f"its worker was killed by signal {-code}", "run again")
   if started and code is not None:
    way_out = f"try it by hand: {' '.join(self._workers.python(service))} --version"
    raise RunError("not-started", f"its worker did not start: {started.last_line()}", way_out)
   if time.monotonic() > give_up:
    reason = f"no worker of {service.name} came within {self.order.worker_timeout_s:.0f} s"
    way_out = f"look at the log of its container in {self.plan.environment}"
    raise RunError("terminated", reason, way_out)
   time.sleep(LOOK_S)
 def _has_to_stop(self):
  if not self._stop_word and time.monotonic() > self._give_up:
   self._stop_word = "deadline"
  return bool(self._stop_word)
 def _check(self):
  if self._has_to_stop():
   raise RunError(self._stop_word, "stopped before it was asked")
 def _follow(self, service, worker, outcome):
  pulse, started = Pulse(LOOK_S), self._started.get(service.name)
  offset, stopped_at, shown = 0, 0.0, False
  self._seen.add(worker)
  while True:
   result = self._exchange.get(f"{service.name}.result")
   records, offset = self._exchange.records(service.name, offset)
   for record in records:
    if self._mine(record, worker):
     self._show(record, outcome)
     shown = shown or record.get("to") != "progress"
   self.log.tick()
   if result and self._mine(result, worker):
    self.log.idle()
    if result["word"] and not shown:
     self.log.line(f"  ✗ {service.name} {result['word']}: {result['reason']}", note=True)
    outcome.code, outcome.result = int(result["code"]), result
    return
   self._find_dead(service, worker, pulse)
   if self._has_to_stop() and not stopped_at:
    stopped_at = time.monotonic()
    self._put_stop()
   if stopped_at and time.monotonic() > stopped_at + GRACE_S + 2:
    raise RunError(self._stop_word, "its worker did not stop in time")
   started.wait(LOOK_S) if started else time.sleep(LOOK_S)
 def _mine(self, message, worker):
  return message is not None and (message.get("run"), message.get("worker")) == (self.run_id, worker)
 def _find_dead(self, service, worker, pulse):
  alive = self._exchange.get(f"{service.name}.alive")
  pulse.look(alive)
  started = self._started.get(service.name)
  over = started is not None and started.ended() is not None
  replaced = alive is not None and alive.get("worker") not in (None, worker)
  if not (over or replaced or pulse.silent_s > exchanges.SILENCE_S):
   return
  if self._mine(self._exchange.get(f"{service.name}.result"), worker):
   return
  why = "its worker was restarted in the middle" if replaced else "its worker ended without a result"
  if over and started:
   why += f" (exit {started.ended()}: {started.last_line()})"
  way_out = "each schema is at a whole revision: run again, it goes on from there"
  raise RunError("terminated", why, way_out)
 def _show(self, record, outcome):
  counts = dict(record.get("counts") or {})
  outcome.counts.update({key: value for key, value in counts.items() if key in COUNTED})
  text, note = str(record.get("text", "")), record.get("to") == "stderr"
  if record.get("to") == "progress":
   return self.log.progress(outcome.service.name, record["done"], record["total"], record["at"])
  if self.order.command == "sql" and not note:
   return say_exactly(text)
  return self.log.line(text, note=note, service=outcome.service.name, event=record.get("event"))
 def _put_stop(self):
  message = {"run": self.run_id, "workers": sorted(self._seen), "word": self._stop_word}
  self._exchange.put("stop", {**message, "at": time.time()})
 def _end(self, services):
  for service in services:
   alive = self._exchange.get(f"{service}.alive")
   if alive and alive.get("worker"):
    self._seen.add(str(alive["worker"]))
  with suppress(RunError):
   self._put_stop()
  give_up = time.monotonic() + 1.0
  for started in self._started.values():
   started.wait(max(0.0, give_up - time.monotonic()))
   started.kill()
