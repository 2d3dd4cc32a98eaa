"""Turns the statements that a revision sent to two schemas into the same in all others, without asking it again."""
from __future__ import annotations
import copy
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import pairwise
from typing import Any
from .codes import RunError
from .connection import NOTICE, settings
from .hold import Hold
from .plain import STATEMENT, is_plain
from .session import as_path, literal, quoted
ALIKE = 2
class DiffersError(Exception):
 """The statements of a revision ended otherwise than before; its transaction is undone."""
@dataclass
class Script:
 sent: tuple[Sent, ...] = ()
 schemas: set[str] = field(default_factory=set)
 fixed: bool = True
 def learn(self, schema, sent):
  now = None if sent is None else tuple(sent)
  self.fixed = self.fixed and now is not None and (not self.schemas or now == self.sent)
  self.sent = now or ()
  self.schemas.add(schema)
 @property
 def known(self):
  return self.fixed and len(self.schemas) >= ALIKE
_scripts = {}
_is_plain = cache(is_plain)
def chain(errand, current):
 found = []
 if _may(errand) and len(current) <= 1:
  for revision in errand.history.pending(current):
   if not _follows(revision, current):
    break
   current = (revision.id,)
   found.append(revision)
 return found
def next_known(errand, current):
 pairs = pairwise(errand.history.pending(current))
 return next((each.id for each, after in pairs if _follows(after, (each.id,))), None)
def _follows(revision, current):
 script = _scripts.get(revision.id)
 return (revision.parents, revision.needs) == (current, ()) and script is not None and script.known
def _may(errand):
 return errand.task == "up" and errand.service.skip_env and errand.hand.is_line
@contextmanager
def heard(errand, revision, connection):
 from sqlalchemy import event
 if not _may(errand) or not _is_plain(revision.file):
  yield lambda: None
  return
 sent = []
 def hear(
  _connection, cursor, statement, parameters, context, many
 ):
  nonlocal sent
  fixed = cursor.description is None and not context.execution_options.get("no_parameters")
  plain = STATEMENT.match(statement) and errand.target.schema not in statement
  if sent is not None and fixed and plain:
   with suppress(Exception):
    sent.append((statement, copy.deepcopy(parameters), many))
    return
  sent = None
 event.listen(connection, "after_cursor_execute", hear)
 try:
  yield lambda: _scripts.setdefault(revision.id, Script()).learn(errand.target.schema, sent)
 finally:
  event.remove(connection, "after_cursor_execute", hear)
def run(errand, engine, revisions, running):
 hold = Hold(errand)
 pooled = engine.raw_connection()
 try:
  line = Line(pooled.driver_connection)
  named = settings({"application_name": errand.application}, "false")
  line.ahead += ["RESET ROLE", f"SET search_path TO {as_path(hold.path)}"]
  backend = line.exec_driver_sql(f"SELECT pg_backend_pid(), {NOTICE}, {named}").fetchone()[0]
  for revision in revisions:
   try:
    errand.check()
   except RunError:
    line.flush()
    raise
   running.append(revision.id)
   errand.tell(at=revision.slug, phase=revision.phase, backend=backend)
   line.ahead += hold.before(revision)
   for statement, parameters, many in _scripts[revision.id].sent:
    hold.strays.hear(None, None, statement)
    line.send(statement, parameters, many)
   line.ahead += [*hold.behind(), *_version_table(errand, revision)]
   row = line.exec_driver_sql(f"{_moved(errand, revision)} RETURNING {hold.seen()}").fetchone()
   if row is None:
    raise DiffersError
   hold.judge(line, *row)
   line.ahead.append("COMMIT")
  line.flush()
  line.close()
 except BaseException:
  pooled.invalidate()
  raise
 finally:
  pooled.close()
def _version_table(errand, revision):
 key = f"CONSTRAINT {quoted(f'{errand.service.version_table}_pkc')} PRIMARY KEY (version_num)"
 made = f"CREATE TABLE IF NOT EXISTS {_table(errand)} (version_num VARCHAR(32) NOT NULL, {key})"
 return [] if revision.parents else [made]
def _moved(errand, revision):
 table, new = _table(errand), literal(revision.id)
 if revision.parents:
  (old,) = revision.parents
  return f"UPDATE {table} SET version_num = {new} WHERE version_num = {literal(old)}"
 return f"INSERT INTO {table} SELECT {new} WHERE NOT EXISTS (SELECT FROM {table})"
def _table(errand):
 return f"{quoted(errand.target.version_schema)}.{quoted(errand.service.version_table)}"
class Line:
 def __init__(self, driver):
  self._driver = driver
  self.ahead = []
  driver.autocommit = True
  self._cursor = driver.cursor()
  self._is_psycopg3 = type(driver).__module__.partition(".")[0] == "psycopg"
  more = {"prepare": False} if self._is_psycopg3 else {}
  self._execute = partial(self._cursor.execute, **more)
 def exec_driver_sql(self, statement):
  text = "\n;\n".join([*self.ahead, statement])
  self.ahead.clear()
  self._execute(text)
  while self._is_psycopg3 and self._cursor.nextset():
   pass
  return self._cursor
 def send(self, statement, parameters, many):
  if not parameters and not many and "%" not in statement:
   self.ahead.append(statement)
   return
  self.flush()
  if many:
   self._cursor.executemany(statement, parameters)
  else:
   self._execute(statement, parameters)
 def flush(self):
  if not self.ahead:
   return
  self.exec_driver_sql(self.ahead.pop())
  if self._cursor.statusmessage == "ROLLBACK":
   raise DiffersError
 def close(self):
  self._cursor.close()
  self._driver.autocommit = False
