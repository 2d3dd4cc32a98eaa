"""Turns lines into bytes, whatever signs the output can show."""
from __future__ import annotations
import os
import sys
from typing import TextIO
HEADING = "🗄️  Running database migrations..."
PLAIN = {"🗄️  ": "", "✓": "ok", "✗": "FAILED", "–": "-", "→": "->", "…": "..."}
NAMED = 10
def say(line, stream = None, end = "\n"):
 out = stream if stream is not None else sys.stdout
 encoding = getattr(out, "encoding", None) or "utf-8"
 try:
  line.encode(encoding)
 except UnicodeEncodeError:
  for sign, plain in PLAIN.items():
   line = line.replace(sign, plain)
  line = line.encode(encoding, "replace").decode(encoding)
 try:
  out.write(line + end)
  out.flush()
 except OSError:
  os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
def say_exactly(text):
 if not hasattr(sys.stdout, "buffer"):
  return say(text)
 try:
  sys.stdout.flush()
  sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "backslashreplace"))
  sys.stdout.buffer.flush()
 except BrokenPipeError:
  os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
 return None
def names(items):
 if len(items) <= NAMED:
  return ", ".join(items)
 return f"{', '.join(items[:NAMED])} and {len(items) - NAMED} more"
def table(rows):
 widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
 for row in rows:
  yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
def one_line(text):
 for line in str(text).splitlines():
  if line.strip():
   return "".join(sign if sign.isprintable() else " " for sign in line.strip())[:500]
 return type(text).__name__
