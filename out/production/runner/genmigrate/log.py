"""Turns what a run tells into a terminal's live line, plain lines, JSON lines, a last message."""
from __future__ import annotations
import json
import os
import re
import shutil
import sys
import time
from contextlib import suppress
from typing import Any
from .output import say
TAIL_CHARACTERS, REPEATED, MESSAGE_BYTES = 1000, 2, 4096
PLAIN_EVERY_S, DRAW_EVERY_S = 30.0, 0.2
HEARTBEAT_S = 9.0
AGE = re.compile(r"\d+ s:")
ERASE = "\r\x1b[2K"
class Log:
 def __init__(self, style, run):
  self._style = style
  self._run = run
  self._live = style == "text" and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
  self._drawn = False
  self._began = time.monotonic()
  self._next = self._began + (0 if self._live else PLAIN_EVERY_S)
  self._progress = None
  self._told = None
  self._failures = []
  self._behind_failure = 0
 def line(self, text, *, note = False, service = "", event = None):
  if self._progress and event and "schema" in event:
   name, done, total, at, told = self._progress
   at = [each for each in at if each[0] not in (event["schema"], service)]
   self._progress = (name, done, total, at, told) if at else None
  if text.startswith("  ✗"):
   self._failures.append([text])
   self._behind_failure = 0
  elif text.startswith("    →") and self._failures and not self._behind_failure:
   self._failures[-1].append(text)
  else:
   self._behind_failure += len(text)
  if self._style == "json":
   self._json(service, event or {"event": "note" if note else "line"}, text.strip())
  elif self._style == "text":
   self._erase()
   say(text, sys.stderr if note else sys.stdout)
 def progress(self, service, done, total, at):
  now = time.monotonic()
  self._progress = (service, done, total, at, now)
  told = service, done, total, [(*what, AGE.sub("", why)) for *what, _seconds, why in at]
  if self._style == "json" and (told != self._told or now >= self._next):
   self._told, self._next = told, now + HEARTBEAT_S
   keys = ("schema", "revision", "phase", "seconds", "blockers")
   work = [dict(zip(keys, each)) for each in at]
   self._json(service, {"event": "progress", "done": done, "total": total, "at": work}, "")
 def tick(self):
  now = time.monotonic()
  if self._progress is None or now < self._next or self._style != "text":
   return None
  self._next = now + (DRAW_EVERY_S if self._live else PLAIN_EVERY_S)
  text = self._spell(now)
  if not self._live:
   return say(text, sys.stderr)
  width = shutil.get_terminal_size().columns - 5
  say(ERASE + (text if len(text) <= width else text[: width - 1] + "…"), end="")
  self._drawn = True
  return None
 def idle(self):
  self._progress = None
  self._erase()
 def repeat_failures(self):
  if self._behind_failure > TAIL_CHARACTERS:
   failures, self._failures = self._failures, []
   for text, *_ in failures[:REPEATED]:
    self.line(text, event={"event": "repeated"})
   self._failures = failures
 def failures(self):
  return [line for failure in self._failures for line in failure]
 def _spell(self, now):
  service, done, total, at, told = self._progress or ("", 0, 0, [], now)
  ago = now - told
  work = [
   f"{label} ({_doing(revision, phase, seconds + ago)}{why})"
   for label, revision, phase, seconds, why in at
  ]
  elapsed = now - self._began
  rest = f", about {elapsed * (total - done) / done:.0f} s left" if done >= 10 else ""
  shown = ", ".join(work[:4]) + (" …" if len(work) > 4 else "")
  return f"  … {service}: {done} of {total} schemas, {elapsed:.0f} s{rest}; at work: {shown}"
 def _erase(self):
  if self._drawn:
   say(ERASE, end="")
   self._drawn = False
 def _json(self, service, event, text):
  from datetime import datetime, timezone
  stamp = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
  head = {"time": stamp, "run": self._run, **({"service": service} if service else {})}
  say(json.dumps({**head, **event, **({"text": text} if text else {})}, ensure_ascii=False))
def leave_message(file, lines, last = ""):
 tail = f"{last}\n".encode() if last else b""
 text = "".join(f"{line.strip()}\n" for line in lines).encode("utf-8", "replace")
 if len(text) > MESSAGE_BYTES - len(tail):
  text = text[: MESSAGE_BYTES - len(tail) - 4].decode("utf-8", "ignore").encode() + "…\n".encode()
 with suppress(OSError):
  if file.is_file():
   file.write_bytes(text + tail)
def _doing(revision, phase, seconds):
 return f"{revision or 'starting'}{', ' if phase else ''}{phase}, {seconds:.0f} s"
