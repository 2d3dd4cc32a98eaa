"""Turns a folder that driver and workers share into messages between them, by the protocol in README.md."""
from __future__ import annotations
import json
import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any
from .codes import RunError
BEAT_S = 1.0
LOOK_S = 0.01
SILENCE_S = 10.0
PATIENCE_S = 300.0
GRACE_S = 8.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
KINDS = ("alive", "go", "lines", "result")
Message = dict[str, Any]
def new_id():
 return os.urandom(6).hex()
def _unwritable(file, error):
 way_out = "driver and workers need one folder that all of them may write"
 return RunError("usage", f"cannot write {file}: {error.strerror}", way_out)
class Exchange:
 def __init__(self, folder):
  self.folder = folder
 def put(self, name, message):
  target = self.folder / name
  draft = self.folder / f"{name}.{os.getpid()}-{threading.get_ident()}.tmp"
  try:
   draft.write_text(json.dumps(message, ensure_ascii=False), encoding="utf-8")
   draft.replace(target)
  except OSError as error:
   raise _unwritable(target, error) from None
 def get(self, name):
  try:
   message = json.loads((self.folder / name).read_bytes())
  except (OSError, ValueError):
   return None
  return message if isinstance(message, dict) else None
 def append(self, service, *records):
  line = f"{json.dumps(records, ensure_ascii=False)}\n"
  with (self.folder / f"{service}.lines").open("ab") as file:
   file.write(line.encode("utf-8", "backslashreplace"))
 def records(self, service, offset):
  try:
   with (self.folder / f"{service}.lines").open("rb") as file:
    file.seek(offset)
    data = file.read()
  except OSError:
   return [], offset
  whole = data.rfind(b"\n") + 1
  found = []
  for line in data[:whole].splitlines():
   with suppress(ValueError, TypeError):
    found += json.loads(line)
  return [record for record in found if isinstance(record, dict)], offset + whole
 def clear(self, services):
  names = {f"{service}.{kind}" for service in services for kind in KINDS} | {"stop"}
  for entry in list(self.folder.iterdir()):
   draft = entry.name.endswith(".tmp") and entry.name.rsplit(".", 2)[0] in names | {"driver"}
   if entry.name in names or draft:
    entry.unlink(missing_ok=True)
class Beat(threading.Thread):
 def __init__(self, exchange, name, message):
  super().__init__(daemon=True)
  self._exchange = exchange
  self._name = name
  self._message = message
  self._ended = threading.Event()
 def run(self):
  beat = 0
  while True:
   with suppress(RunError):
    self._exchange.put(self._name, {**self._message, "beat": beat})
   beat += 1
   if self._ended.wait(BEAT_S):
    return
 def end(self):
  self._ended.set()
  self.join()
class Pulse:
 def __init__(self, look_s):
  self._look_s = look_s
  self._last = None
  self.silent_s = 0.0
 @property
 def seen(self):
  return bool(self._last)
 def look(self, message):
  beat = (message.get("run"), message.get("worker"), message.get("beat")) if message else None
  changed = beat is not None and self._last is not None and beat != self._last
  if changed:
   self.silent_s = 0.0
  else:
   self.silent_s += self._look_s
  self._last = beat if beat is not None else (self._last or ())
  return changed
def claim(exchange):
 file = exchange.folder / "driver"
 try:
  if file.exists() and not _beats(exchange):
   file.unlink(missing_ok=True)
  with file.open("x", encoding="utf-8") as mine:
   mine.write(json.dumps({"run": new_id()}))
 except FileExistsError:
  reason = f"another driver works in {exchange.folder}"
  raise RunError("locked", reason, "wait for it, run again") from None
 except OSError as error:
  raise _unwritable(file, error) from None
def _beats(exchange):
 first = exchange.get("driver")
 for _ in range(25):
  time.sleep(BEAT_S / 10)
  if exchange.get("driver") != first:
   return True
 return False
