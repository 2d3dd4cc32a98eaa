"""Turns one order for one service into its lines and its result."""
from __future__ import annotations
import gc
import os
import sys
import time
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import cast
import genmigrate
from . import environment
from .codes import OK, TERMINATED, RunError, worst
from .exchange import LOOK_S, Exchange, Message, new_id
from .job import Job
from .output import one_line, say
from .session import Session, driver_module, word_of
from .url import parse
from .watch import STOPPED, DriverEndedError, Watch
def serve(
 plan,
 plan_file,
 service,
 exchange,
 folder,
 patience_s,
 once,
):
 worker = new_id()
 watch = Watch(exchange, service.name, worker, patience_s, once)
 watch.start()
 _prepare(service, folder)
 try:
  order = _await_order(exchange, service, worker, watch)
 except DriverEndedError:
  return OK
 except RunError as trouble:
  say(f"{service.name}: {trouble.reason}", sys.stderr)
  return TERMINATED
 wanted = set(order.get("schemas", ()))
 targets = tuple(target for target in plan.targets(service) if target.schema in wanted)
 job = Job(plan, service, targets, order, exchange, worker, watch, plan_file)
 watch.last_word = lambda word: _stopped(job, word)
 _carry_out(job)
 watch.over()
 return _result(job, job.codes)
def _prepare(service, folder):
 package = Path(genmigrate.__file__).absolute().parent
 environment.leave_no_trace(package)
 os.chdir(folder)
 with suppress(RunError):
  driver_module(parse(os.environ.get(service.url_env, ""), service.url_env))
 gc.freeze()
 gc.enable()
def _await_order(exchange, service, worker, watch):
 while True:
  watch.check()
  order = exchange.get(f"{service.name}.go")
  if order is not None and order.get("worker") == worker:
   watch.working = True
   return order
  time.sleep(LOOK_S)
def _carry_out(job):
 try:
  if job.order.get("digest") != job.plan.digest:
   reason = "driver and worker were given different plans"
   raise RunError("usage", reason, "mount the same plan.json and runner in every container")
  command = _command(str(job.order.get("command")))
  job.watch.cancel = lambda: _cancel(job)
  command(job)
 except RunError as trouble:
  job.give_up(trouble)
 except Exception as error:
  traceback.print_exc()
  job.give_up(RunError(word_of(error) or "failed", _unforeseen(job, error)))
def _unforeseen(job, error):
 text = f"{type(error).__name__}: {one_line(error)}"
 try:
  return job.url().hide(text)
 except RunError:
  return text
COMMANDS = {
 "upgrade": "upgrade.run",
 "downgrade": "downgrade.run",
 "plan": "ask.plan",
 "status": "look.status",
 "wait": "look.wait",
 "sql": "render.run",
 "verify": "verify.verify",
 "snapshot": "take.take",
 "check": "ask.check",
 "unlock": "ask.unlock",
}
def _command(name):
 if name not in COMMANDS:
  raise RunError("usage", f"unknown command {name}", "driver and worker must be of the same version")
 module, _, function = COMMANDS[name].partition(".")
 try:
  return cast("Callable[[Job], None]", getattr(import_module(f"genmigrate.{module}"), function))
 except ModuleNotFoundError:
  way_out = f"run it in the repository: gen migrate {name}"
  raise RunError("usage", f"{name} is not in a cluster's copy of the runner", way_out) from None
def _cancel(job):
 url = job.url()
 with Session(driver_module(url), url, "genmigrate cancel") as session:
  session.rows(
   "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state <> 'idle' "
   "AND (application_name = %s OR pid = ANY(%s::int[])) AND datname = current_database()",
   [job.application, list(job.backends)],
  )
def _stopped(job, word):
 job.trouble = RunError(word, "")
 for label, revision in job.working.items():
  text = f"{label} {word} at {revision}: {STOPPED[word]}, and it did not end by itself"
  with suppress(OSError):
   job.line(f"  ✗ {text}", failed=1)
 _result(job, [job.trouble.code])
def _result(job, codes):
 code = worst(codes)
 facts = job.trouble.facts if job.trouble else dict.fromkeys(("word", "reason", "way_out"), "")
 result = {"run": job.run, "worker": job.worker, "code": code, **facts, "document": job.document}
 modules = sorted(job.modules | {"alembic", "sqlalchemy"} & sys.modules.keys())
 result.update(schemas=job.schemas, heads=job.heads, modules=modules)
 job.exchange.put(f"{job.service.name}.result", result)
 return code
