"""Turns schemas handed over one by one into migrated ones, in a process of their own."""
from __future__ import annotations
import ast
import json
import os
import queue
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
import genmigrate
from . import environment, history
from .codes import TERMINATED, RunError
from .output import one_line
from .plain import keeps_nothing
from .session import limit_sessions
from .url import DatabaseUrl, parse
from .watch import STOPPED
Message = dict[str, Any]
READS = (b"environ", b"getenv", b"ALEMBIC_SCHEMA", b"get_x_argument")
class Wire:
 def __init__(self, end):
  self.end = end
  self._rest = b""
  self._lock = threading.Lock()
 def send(self, message):
  with suppress(OSError), self._lock:
   self.end.sendall(json.dumps(message).encode() + b"\n")
 def receive(self):
  try:
   data = self.end.recv(65536)
  except BlockingIOError:
   return []
  except OSError:
   data = b""
  if not data:
   return None
  *whole, self._rest = (self._rest + data).split(b"\n")
  return [json.loads(line) for line in whole]
@dataclass
class Errand:
 plan: Plan
 service: Service
 target: Target
 history: History
 url: DatabaseUrl
 hand: Hand
 task: str
 goal: str | None
 run: str
 application: str
 runner: int
 patience_s: float
 keeps_manifest: bool
 digest: str
 current: tuple[str, ...] = ()
 unfinished: bool = True
 def check(self):
  word = self.hand.stop_word
  if word:
   raise RunError(word, STOPPED[word])
 def tell(self, **message):
  self.hand.wire.send(message)
class Hand:
 def __init__(self, end):
  self.wire = Wire(end)
  self.stop_word = ""
  self.keeps_files = False
  self.is_line = False
  self.planned = frozenset()
  self.orders = queue.Queue()
 def listen(self):
  while True:
   messages = self.wire.receive()
   if messages is None:
    os._exit(TERMINATED)
   for message in messages:
    if "stop" in message:
     self.stop_word = str(message["stop"])
    else:
     self.orders.put(message)
def serve(plan, service, number):
 from . import alembic_run
 hand = Hand(socket.socket(fileno=number))
 threading.Thread(target=hand.listen, daemon=True).start()
 environment.leave_no_trace(Path(genmigrate.__file__).absolute().parent)
 past = history.read(Path.cwd(), service.config)
 texts = [revision.file.read_bytes() for revision in past.revisions.values()]
 reads = any(word in text for text in texts for word in READS)
 hand.keeps_files = not reads and all(keeps_nothing(ast.parse(text)) for text in texts)
 parents = [(revision.parents, revision.needs) for revision in past.revisions.values()]
 hand.is_line = len(set(parents)) == len(parents) and all(len(p) < 2 and not n for p, n in parents)
 url = parse(os.environ.get(service.url_env, ""), service.url_env)
 targets = {target.schema: target for target in plan.targets(service)}
 others = [
  target for each in plan.services if each.database == service.database for target in plan.targets(each)
 ]
 hand.planned = frozenset(name for each in others for name in (each.schema, each.version_schema))
 import alembic.command
 import sqlalchemy.dialects.postgresql
 while True:
  order = hand.orders.get()
  target = targets[order.pop("schema")]
  hand.wire.send({"ended": _carry_out(Errand(plan, service, target, past, url, hand, **order))})
def _carry_out(errand):
 from . import alembic_run
 plan, service, began = errand.plan, errand.service, time.monotonic()
 path = [errand.target.schema, *service.extension_schemas]
 limit_sessions(plan.lock_timeout_ms, plan.statement_timeout_ms, errand.application, path)
 result = {}
 try:
  if errand.digest != plan.digest:
   raise RunError("usage", "the plan was changed while it ran", "run again")
  if errand.task == "check":
   from .models import differences
   result["differences"] = differences(errand)
  else:
   result = alembic_run.migrate(errand)
 except RunError as error:
  result = error.facts
 except Exception as error:
  traceback.print_exc()
  result = {"word": "failed", "reason": errand.url.hide(f"{type(error).__name__}: {one_line(error)}")}
 modules = [name for name in ("alembic", "sqlalchemy") if name in sys.modules]
 return {**result, "seconds": round(time.monotonic() - began, 3), "modules": modules}
