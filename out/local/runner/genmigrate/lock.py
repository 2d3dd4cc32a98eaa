"""Turns two runners that want the same schema into one after the other."""
from __future__ import annotations
import hashlib
import time
from typing import Any
from .codes import RunError
POLL_S = 0.25
def key_of(schema):
 return int.from_bytes(hashlib.sha256(f"genmigrate {schema}".encode()).digest()[:8], "big", signed=True)
def statements_key(schema):
 return key_of(f"statements in {schema}")
def acquire(
 ask, key, schema, patience_s, check
):
 give_up = time.monotonic() + patience_s
 while not ask(f"SELECT pg_try_advisory_xact_lock({key})")[0][0]:
  check()
  if time.monotonic() > give_up:
   raise RunError(
    "locked", f"{schema} is being migrated by {holder(ask, key)}", "wait for it, run again"
   )
  time.sleep(POLL_S)
HELD = (
 "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
 "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
def matching(key):
 return f"pg_locks l WHERE {HELD} AND {_place(key)}"
def owned(key, pid):
 return f"l.pid = {pid} AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND {_place(key)}"
def _place(key):
 unsigned = key & (2**64 - 1)
 return f"l.classid = {unsigned >> 32}::oid AND l.objid = {unsigned & (2**32 - 1)}::oid"
def holder(ask, key):
 name = "(SELECT a.application_name FROM pg_stat_activity a WHERE a.pid = l.pid)"
 rows = ask(f"SELECT l.pid, {name} FROM {matching(key)}")
 return " and ".join(f"pid {pid} ({name})" for pid, name in rows) or "another runner"
