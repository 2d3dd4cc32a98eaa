"""Turns a worker's orders for single schemas into processes that carry them out beside each other."""
from __future__ import annotations
import os
import select
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from .hand import Message, Wire
WAITING, BUSY_S = 25, 1.0
class Process:
 def __init__(self, job):
  ours, theirs = socket.socketpair()
  paths = [str(Path(__file__).absolute().parents[1]), os.environ.get("PYTHONPATH", "")]
  environ = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONSAFEPATH": "1"}
  served = ["--plan", str(job.plan_file), "--service", job.service.name]
  self._process = subprocess.Popen(
   [sys.executable, "-m", "genmigrate", "hand", *served, "--socket", str(theirs.fileno())],
   env={**os.environ, **environ},
   pass_fds=[theirs.fileno()],
   stdin=subprocess.DEVNULL,
  )
  theirs.close()
  ours.setblocking(False)
  self.wire = Wire(ours)
  self.work = None
 def end(self):
  with suppress(OSError):
   self.wire.end.close()
  try:
   return self._process.wait(2)
  except subprocess.TimeoutExpired:
   self._process.kill()
   return self._process.wait()
class Hands:
 def __init__(self, job):
  self._job = job
  self.limit = 1
  self.all = []
  self.modules = set()
  self._last_start = 0.0
 def idle(self, waiting):
  for hand in self.all:
   if hand.work is None and len(self.all) <= self.limit:
    return hand
  pays = not self.all or waiting >= WAITING or time.monotonic() > self._last_start + BUSY_S
  if len(self.all) >= self.limit or not pays:
   return None
  self.all.append(Process(self._job))
  self._last_start = time.monotonic()
  return self.all[-1]
 def listen(self, timeout_s):
  ends = {hand.wire.end: hand for hand in self.all}
  if not ends:
   time.sleep(timeout_s)
   return []
  told = []
  for end in select.select(list(ends), [], [], timeout_s)[0]:
   messages = ends[end].wire.receive()
   for each in [None] if messages is None else messages:
    told.append((ends[end], each))
    self.modules.update((each or {}).get("ended", {}).get("modules", ()))
  return told
 def shrink(self, hand):
  self.limit = max(1, self.limit - 1)
  self.forget(hand)
 def forget(self, hand):
  self.all.remove(hand)
  return hand.end()
 def stop(self, word):
  for hand in self.all:
   hand.wire.send({"stop": word})
 def end(self):
  for hand in self.all:
   with suppress(OSError):
    hand.wire.end.close()
  for hand in self.all:
   hand.end()
