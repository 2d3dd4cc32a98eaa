"""Turns the connection that env.py opened into one of this run: locked, limited, confined to one schema."""
from __future__ import annotations
import time
from contextlib import contextmanager, suppress
from typing import Any
from . import manifest
from .codes import RunError
from .connection import (
 NOTICE,
 NUMBER,
 PATH,
 find_by_name,
 is_in_transaction,
 left_as_it_was,
 patient,
 settings,
)
from .lock import acquire, key_of, matching, owned, statements_key
from .session import Session, as_path, driver_module, literal
from .stray import CHANGED, ENDED, HELD_HERE, NAMES_HELD, AstrayError, Strays, listen
SOURCE = "SELECT source FROM pg_settings WHERE name = 'search_path'"
UNTOUCHED = ("default", "configuration file", "database", "user", "database user", "global")
DATA = "data"
_writers = {}
class Hold:
 def __init__(self, errand):
  self._errand = errand
  self.task = errand.task
  self._schema = errand.target.schema
  self._key = statements_key(self._schema)
  self.path = [self._schema, *errand.service.extension_schemas]
  self.strays = Strays(errand)
  self._began = 0.0
  self._revision = None
  self.halved = False
  self._backend = 0
  self._number = ""
  self.keeps_files = errand.hand.keeps_files
 def take(self, context):
  connection = context.connection
  if connection is None:
   return
  if not self._errand.service.skip_env:
   connection.connection.invalidate(soft=True)
  find_by_name(connection.dialect, context.version_table, context.version_table_schema)
  listen(connection, self.strays.hear)
  with left_as_it_was(connection) as ask:
   self.tie(ask)
  connection.dialect.default_schema_name = self._schema
  self._note_blocks(context)
 def tie(self, ask):
  errand = self._errand
  named = {"application_name": errand.application, **self._limits()}
  limits = settings(named, "false")
  row = ask(f"{self._seen()}, pg_backend_pid(), current_user, {NOTICE}, {limits}")[0]
  self._backend, role = int(row[3]), str(row[4])
  errand.tell(backend=self._backend)
  self._check(row)
  if errand.keeps_manifest:
   if role not in _writers:
    _writers[role] = bool(ask(manifest.WRITABLE)[0][0])
   errand.keeps_manifest = _writers[role]
  if not self._is_path(row[2]) and ask(SOURCE)[0][0] in UNTOUCHED:
   ask(f"SELECT set_config('search_path', {literal(as_path(self.path))}, false)")
 def _note_blocks(self, context):
  errand, block = self._errand, context.autocommit_block
  @contextmanager
  def noted():
   connection, limits = context.connection, self._limits()
   self.strays.end()
   self._judge(connection)
   self.strays.begin()
   self.halved = self.strays.commits_at_once = True
   connection.exec_driver_sql(f"SELECT pg_advisory_lock({self._key})")
   try:
    with block():
     connection.exec_driver_sql(f"SET statement_timeout = {limits['statement_timeout']}")
     if errand.keeps_manifest and self._revision:
      what = (errand.service.name, self._schema, self._revision.id, self.task)
      connection.exec_driver_sql(manifest.unfinished_statement(errand.run, *what))
     with patient(connection, limits["lock_timeout"]):
      yield
   finally:
    self.strays.commits_at_once = False
    locks = f"pg_advisory_xact_lock({self._key}), pg_advisory_unlock({self._key})"
    with suppress(Exception):
     self._number = connection.exec_driver_sql(f"SELECT {NUMBER}, {locks}").scalar()
  context.autocommit_block = noted
 def abandon(self):
  if self._backend:
   ended = "SELECT count(pg_terminate_backend(l.pid))"
   self._elsewhere(f"{ended} FROM {matching(self._key)} AND l.pid = {self._backend}")
 def _limits(self):
  plan = self._errand.plan
  data = self._revision is not None and self._revision.phase == DATA
  limit = 0 if data else plan.statement_timeout_ms
  return {"lock_timeout": str(plan.lock_timeout_ms), "statement_timeout": str(limit)}
 def confine(self, connection, revision):
  self.halved = False
  self._revision, self._began = revision, time.monotonic()
  mine = f"pg_try_advisory_xact_lock({self._key})"
  lost = f"NOT EXISTS (SELECT FROM pg_locks l WHERE {self._owned()})"
  limits = settings(self._limits(), "true")
  row = connection.exec_driver_sql(f"SELECT {mine}, {lost}, {PATH}, {NUMBER}, {limits}").fetchone()
  if not is_in_transaction(connection):
   why = "env.py's connection commits each statement (AUTOCOMMIT)"
   raise AstrayError(f"{why}: a revision needs a transaction")
  if row[1]:
   raise self._lost()
  self._expect(row[2])
  self._number = row[3]
  if not row[0]:
   def ask(statement):
    return list(connection.exec_driver_sql(statement).fetchall())
   acquire(ask, self._key, self._schema, self._errand.patience_s, self._errand.check)
  self.strays.begin()
 def settle(self, connection):
  self.strays.end()
  errand, revision = self._errand, self._revision
  statement = self._applied(time.monotonic() - self._began) or "SELECT"
  row = connection.exec_driver_sql(f"{statement} {PATH}, {NUMBER}, {HELD_HERE}").fetchone()
  self._expect(row[0])
  if row[1] != self._number:
   self.halved = True
   if errand.keeps_manifest and revision:
    begun = (errand.service.name, self._schema, revision.id, self.task)
    self._elsewhere(f"{manifest.unfinished_statement(errand.run, *begun)} RETURNING 1")
   raise AstrayError(ENDED)
  self._judge(connection, row[2])
 def _applied(self, seconds):
  errand, revision = self._errand, self._revision
  if not errand.keeps_manifest or not revision:
   return ""
  what = (errand.service.name, self._schema, revision.id, revision.slug, revision.checksum)
  ends_block = self.halved or errand.unfinished
  return manifest.applied_statement(errand.run, *what, self.task, seconds, ends_block=ends_block)
 def before(self, revision):
  self._revision = revision
  self.strays.begin()
  own = f"1 / pg_try_advisory_xact_lock({self._key})::int"
  return ["BEGIN", f"SELECT {own}, {settings(self._limits(), 'true')}"]
 def behind(self):
  noted = self._applied(None)
  return [f"{noted} 1"] if noted else []
 def seen(self):
  lock = f"count(*) FILTER (WHERE {self._owned()})::text"
  return f"{PATH}, (SELECT ARRAY[{lock}, {NAMES_HELD} FILTER (WHERE {CHANGED})] FROM pg_locks l)"
 def judge(self, connection, path, seen):
  self.strays.end()
  if seen[0] == "0":
   raise self._lost()
  self._expect(path)
  self._judge(connection, seen[1] or "")
 def _judge(self, connection, held = None):
  def ask(statement):
   return connection.exec_driver_sql(statement).fetchone()
  self.strays.judge(held if held is not None else ask(f"SELECT {HELD_HERE}")[0], ask, self._elsewhere)
 def _seen(self):
  return f"SELECT current_database(), (SELECT count(*) FROM {self._lock()}), {PATH}"
 def _lock(self):
  return f"{matching(key_of(self._schema))} AND l.pid = {self._errand.runner}"
 def _owned(self):
  return owned(key_of(self._schema), self._errand.runner)
 def _elsewhere(self, statement):
  url = self._errand.url
  with Session(driver_module(url), url, self._errand.application) as session:
   return session.rows(statement)[0]
 def _check(self, row):
  if row[1]:
   return
  errand = self._errand
  if not self._elsewhere(f"SELECT count(*) FROM {self._lock()}")[0]:
   raise self._lost()
  variable = errand.service.url_env
  raise AstrayError(f"env.py is connected to database {row[0]} of another place than {variable} names")
 def _lost(self):
  reason = f"the session that holds the lock of {self._schema} was cut"
  return RunError("unreachable", reason, "run again, it goes on from the last whole revision")
 def _is_path(self, path):
  first, *others = path.split(",")
  return first == self._schema and set(others) <= set(self.path[1:])
 def _expect(self, path):
  if not self._is_path(path):
   actual, wanted = path.replace(",", ", ") or "None", self._schema
   raise AstrayError(f"env.py works in schema {actual}, not in {wanted} as ALEMBIC_SCHEMA says")
