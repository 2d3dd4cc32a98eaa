"""Turns a compiled plan.json into migrated schemas, with nothing but the standard library and the service's own Python."""
import os
import sys
from contextlib import suppress
from pathlib import Path
THEIRS = sys.dont_write_bytecode, sys.pycache_prefix
_home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME") or ""
OURS = (sys.dont_write_bytecode or not _home, f"{_home}/.cache/genmigrate" if _home else None)
def keep_bytecode(whose):
 sys.dont_write_bytecode, sys.pycache_prefix = whose
if sys.argv[:1] == ["-m"]:
 keep_bytecode(OURS)
 if not THEIRS[0] and __spec__.cached and not THEIRS[1]:
  with suppress(
   OSError
  ):
   Path(__spec__.cached).unlink()
   Path(__spec__.cached).parent.rmdir()
