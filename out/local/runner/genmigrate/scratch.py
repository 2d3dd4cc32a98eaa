"""Turns the temporary folder into one for this run's messages, and out of it those of runs that were killed."""
from __future__ import annotations
import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path
PREFIX = "genmigrate-run-"
OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
def make():
 sweep()
 while True:
  folder = Path(tempfile.mkdtemp(prefix=PREFIX))
  with suppress(FileNotFoundError):
   held = os.open(folder, OPEN)
   try:
    with suppress(OSError):
     fcntl.flock(held, fcntl.LOCK_EX)
    if os.path.samestat(folder.stat(), os.fstat(held)):
     return folder, held
   except FileNotFoundError:
    pass
   os.close(held)
def sweep():
 with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
  for entry in entries:
   if entry.name.startswith(PREFIX):
    with suppress(OSError):
     _remove(entry.path)
def _remove(path):
 folder = os.open(path, OPEN)
 try:
  if os.fstat(folder).st_uid != os.geteuid():
   return
  fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
  for name in os.listdir(folder):
   os.unlink(name, dir_fd=folder)
  Path(path).rmdir()
 finally:
  os.close(folder)
