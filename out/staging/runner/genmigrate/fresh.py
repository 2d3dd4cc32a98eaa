"""Turns a process in which one schema's env.py ran into one in which the next finds nothing of it."""
from __future__ import annotations
import os
import sys
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
CACHED = type(lru_cache(len))
SCHEMA_VARIABLE = "ALEMBIC_SCHEMA"
@contextmanager
def in_schema(schema, forget = lambda: None):
 path, folder, variables = list(sys.path), Path.cwd(), dict(os.environ)
 variables.pop(SCHEMA_VARIABLE, None)
 before = set(sys.modules)
 os.environ[SCHEMA_VARIABLE] = schema
 try:
  yield
 finally:
  os.chdir(folder)
  for key in [key for key in os.environ if key not in variables]:
   del os.environ[key]
  os.environ.update(variables)
  sys.path[:] = path
  if _forget(schema, folder, before):
   forget()
def _forget(schema, folder, before):
 for name in sys.modules.keys() - _verdicts.keys():
  _verdicts[name] = _belongs(sys.modules[name], folder)
 own = {name: module for name, module in list(sys.modules.items()) if _verdicts.get(name)}
 for module in own.values():
  for value in list(vars(module).values()):
   if type(value) is CACHED:
    value.cache_clear()
 kept = any(keeps(vars(module), schema) for module in own.values())
 if kept:
  shared = {
   _top(name) for name, module in list(sys.modules.items()) if name not in before and _holds(module)
  }
  for name in list(sys.modules):
   if name in own or (name not in before and _top(name) in shared):
    del sys.modules[name]
 return kept
_verdicts = {}
def _top(name):
 return name.partition(".")[0]
def _belongs(module, folder):
 place = getattr(module, "__file__", None)
 if not isinstance(place, str):
  return False
 file = Path(place)
 installed = "site-packages" in file.parts or Path(sys.prefix) in file.parents
 return folder in file.parents and not installed
STEPS, MOST = 6, 500
def keeps(names, schema):
 values = [value for key, value in list(names.items()) if not key.startswith("__")]
 for step in range(STEPS):
  if any(isinstance(value, str) and schema in value for value in values):
   return True
  values = [each for value in values for each in _inside(value, own_only=step > 0)][:MOST]
 return False
def _inside(value, *, own_only):
 if isinstance(value, dict):
  return list(value.values())
 if isinstance(value, (list, tuple, set, frozenset)):
  return list(value)
 kind = type(value)
 if kind is type(sys) or (own_only and kind is not SimpleNamespace and not _verdicts.get(kind.__module__)):
  return []
 with suppress(Exception):
  return list(value.__dict__.values())
 return []
def _holds(module):
 kind = getattr(sys.modules.get("sqlalchemy"), "MetaData", ())
 if _top(module.__name__) in ("sqlalchemy", "alembic"):
  return False
 return any(
  isinstance(vars(value).get("metadata") if isinstance(value, type) else value, kind)
  for value in list(vars(module).values())
 )
