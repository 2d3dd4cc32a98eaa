"""Turns signals, a driver's stop and a driver's silence into: may this worker go on?"""
from __future__ import annotations
import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from .codes import CODE_OF_WORD, RunError
from .exchange import BEAT_S, GRACE_S, PATIENCE_S, SIGNALS, SILENCE_S, Exchange, Message, Pulse
LOOK_S = 0.2
SAME_START_S = 60.0
class DriverEndedError(Exception):
 """The driver wants nothing of this worker any more."""
class Watch(threading.Thread):
 def __init__(
  self,
  exchange,
  service,
  worker,
  patience_s = PATIENCE_S,
  once = False,
 ):
  super().__init__(daemon=True)
  self._exchange = exchange
  self._service = service
  self._worker = worker
  self._patience_s = patience_s
  self._once = once
  self._born = time.time()
  self._pulse = Pulse(LOOK_S)
  self._over = threading.Event()
  self.working = False
  self.stop_word = ""
  self.driver_ended = False
  self.cancel = lambda: None
  self.last_word = lambda word: None
  self._read, self._write = socket.socketpair()
  self._write.setblocking(False)
  for number in SIGNALS:
   signal.signal(number, lambda *_: None)
  signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
 def check(self):
  if self.driver_ended and not self.working:
   raise DriverEndedError
  if self.stop_word:
   raise RunError(self.stop_word, STOPPED[self.stop_word])
 def over(self):
  self._over.set()
  self._write.send(b"\0")
  self.join()
 def run(self):
  beat, next_beat = 0, 0.0
  while not self._over.is_set():
   now = time.monotonic()
   if now >= next_beat:
    beat, next_beat = beat + 1, now + BEAT_S
    self._beat(beat)
   if not self.stop_word and not self.driver_ended and self._look():
    next_beat = 0.0
   if self.stop_word and self.working:
    return self._wind_up()
   if select.select([self._read], [], [], LOOK_S)[0]:
    self._read.recv(64)
    if not self._over.is_set():
     self.stop_word = self.stop_word or "terminated"
  return None
 def _beat(self, beat):
  with suppress(RunError):
   self._exchange.put(f"{self._service}.alive", {"worker": self._worker, "beat": beat})
 def _look(self):
  changed = self._pulse.look(self._exchange.get("driver"))
  stop = self._exchange.get("stop")
  if stop is not None and (self._once or self._worker in stop.get("workers", ())):
   word = str(stop.get("word") or "terminated")
   if self.working:
    self.stop_word = word if word in STOPPED else "terminated"
   self.driver_ended = True
  elif (self.working or (self._once and self._pulse.seen)) and self._pulse.silent_s > SILENCE_S:
   self.stop_word = "terminated"
  elif not self.working and self._pulse.silent_s > self._patience(stop):
   self.driver_ended = stop is not None
   self.stop_word = "" if stop is not None else "not-started"
  return changed
 def _patience(self, stop):
  if stop is not None and float(stop.get("at", 0)) > self._born - SAME_START_S:
   return SILENCE_S
  return self._patience_s
 def _wind_up(self):
  give_up = time.monotonic() + GRACE_S
  while time.monotonic() < give_up:
   with suppress(Exception):
    self.cancel()
   if self._over.wait(BEAT_S):
    return
   self._beat(-int(time.monotonic() * 1000))
  self.last_word(self.stop_word)
  os._exit(CODE_OF_WORD[self.stop_word])
STOPPED = {
 "terminated": "stopped before it was done (terminated)",
 "interrupted": "stopped before it was done (interrupted)",
 "deadline": "stopped before it was done (deadline)",
 "unreachable": "the session that holds its lock was cut",
 "not-started": "no driver came in time",
}
