"""Turns a compiled plan.json into migrated schemas, with nothing but the standard library and the service's own Python."""
import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
_home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME") or ""
class _Loader(SourceFileLoader):
 def get_code(self, fullname):
  theirs = sys.dont_write_bytecode, sys.pycache_prefix
  ours = f"{_home}/.cache/genmigrate" if _home else None
  sys.dont_write_bytecode, sys.pycache_prefix = theirs[0] or not _home, ours
  try:
   return super().get_code(fullname)
  finally:
   sys.dont_write_bytecode, sys.pycache_prefix = theirs
class _Finder:
 @staticmethod
 def find_spec(
  name, path = None, _target = None
 ):
  spec = PathFinder.find_spec(name, path) if name.startswith(f"{__name__}.") else None
  if spec and type(spec.loader) is SourceFileLoader:
   spec.loader = _Loader(name, spec.loader.path)
  return spec
if sys.argv[:1] == ["-m"]:
 sys.meta_path.insert(0, _Finder)
 if not sys.dont_write_bytecode and __spec__.cached and not sys.pycache_prefix:
  with suppress(
   OSError
  ):
   Path(__spec__.cached).unlink()
   Path(__spec__.cached).parent.rmdir()
