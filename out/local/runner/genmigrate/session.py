"""Turns a database URL into one autocommit connection through psycopg 3 or psycopg2."""
from __future__ import annotations
import contextlib
import importlib
import os
import re
import time
from pathlib import Path
from typing import Any
from .codes import RunError
from .output import one_line
CONNECT_TIMEOUT_S = "5"
NAME_BYTES = 63
GIVEN_OPTIONS = os.environ.get("PGOPTIONS", "")
REFUSED = re.compile(
 "no password supplied|authentication failed|no pg_hba.conf entry|is not permitted to log in"
 '|role ".*" does not exist'
)
NO_TLS = ("no encryption", "SSL off", "but SSL was required", "certificate verify failed", "root certificate")
WORD_OF_SQLSTATE = {"42501": "no-right", "25006": "read-only", "55P03": "locked"}
DRIVERS = ("psycopg", "psycopg2", "asyncpg", "sqlalchemy")
GONE = (
 "server closed the connection", "connection already closed", "terminating connection", "is closed",
 "connection failed", "could not connect", "Connection refused", "the database system is",
 "Can't reconnect until invalid transaction",
)
RETRYABLE = ("55P03", "40P01", "40001")
CANCELLED = "57014"
CROWDED = ("53300", "too many clients", "remaining connection slots", "too many connections")
CUT = ("57P01", "57P02", "57P03", "57P05")
def driver_module(url):
 order = ("psycopg2", "psycopg") if url.driver == "psycopg2" else ("psycopg", "psycopg2")
 reasons = []
 for name in order:
  try:
   return importlib.import_module(name)
  except ImportError as error:
   reasons.append(f"{name}: {one_line(error)}")
 needs = "the runner's own session needs psycopg or psycopg2, also beside asyncpg"
 reason = f"{needs}, and this service's Python has neither ({'; '.join(reasons)})"
 file = Path("pyproject.toml").absolute()
 where = f"in {file}" if file.is_file() else "of the service"
 raise RunError("usage", reason, f'add "psycopg[binary]" to the dependencies {where}')
def quoted(name):
 return '"' + name.replace('"', '""') + '"'
def as_path(schemas):
 return ", ".join(map(quoted, schemas))
def literal(text):
 return "'" + text.replace("'", "''") + "'"
class Session:
 def __init__(self, module, url, application, database = ""):
  parameters = {"connect_timeout": CONNECT_TIMEOUT_S, **url.parameters, "application_name": application}
  if database:
   parameters["dbname"] = database
  self.url = url
  self.errors = module.Error
  self._connection = module.connect(**parameters)
  self._connection.autocommit = True
 def rows(self, statement, parameters = ()):
  with self._connection.cursor() as cursor:
   cursor.execute(statement, tuple(parameters) or None)
   return list(cursor.fetchall()) if cursor.description else []
 @property
 def client_side_pid(self):
  return int(self._connection.info.backend_pid)
 def lost(self):
  try:
   self.rows("SELECT 1")
  except self.errors:
   return True
  return False
 def __enter__(self):
  return self
 def __exit__(self, *_):
  self.close()
 def close(self):
  with contextlib.suppress(self.errors):
   self._connection.close()
def limit_sessions(
 lock_timeout_ms, statement_timeout_ms, application, path = ()
):
 ours = f"-c lock_timeout={lock_timeout_ms} -c statement_timeout={statement_timeout_ms}"
 if path:
  ours += f" -c search_path={','.join(path)}"
 os.environ["PGOPTIONS"] = f"{GIVEN_OPTIONS} {ours}".strip()
 os.environ["PGAPPNAME"] = application
def open_session(
 url,
 application,
 patience_s,
 check,
 notice = lambda reason: None,
):
 module = driver_module(url)
 give_up = time.monotonic() + patience_s
 pause, told = 0.1, ""
 while True:
  check()
  try:
   return Session(module, url, application)
  except module.Error as error:
   reason = reason_of(url, error)
  _refuse(url, reason)
  if time.monotonic() + pause > give_up:
   reason = f"PostgreSQL at {url.place} does not answer: {reason}"
   raise RunError("unreachable", reason, "start it, or correct the URL's host and port")
  if reason != told:
   told = reason
   notice(f"waiting for PostgreSQL at {url.place}: {reason}")
  time.sleep(pause)
  pause = min(pause * 1.5, 1.0)
def reason_of(url, error):
 lines = [line for line in str(error).splitlines() if line.strip()]
 telling = [line for line in lines if "FATAL" in line] or lines or [type(error).__name__]
 return url.hide(one_line(telling[0].rpartition("FATAL:")[2] or telling[0]))
def _refuse(url, reason):
 user = url.parameters.get("user", "")
 if "unsupported startup parameter" in reason:
  way_out = (
   "name PostgreSQL itself in the URL; or a session pool with ignore_startup_parameters = options"
  )
  raise RunError("pooled", f"{url.place} is a pooler: {reason}", way_out)
 if "permission denied for database" in reason:
  raise RunError("no-right", reason, f"grant CONNECT on the database to {user}")
 if "database " in reason and "does not exist" in reason:
  raise RunError("missing-database", reason, "create it, or let the environment create its databases")
 if any(text in reason for text in NO_TLS):
  way_out = "give the URL the server's TLS: ?sslmode=require, or verify-full with sslrootcert=FILE"
  raise RunError("no-tls", f"no TLS between here and PostgreSQL at {url.place}: {reason}", way_out)
 if REFUSED.search(reason):
  reason = f"PostgreSQL at {url.place} refuses user {user}: {reason}"
  raise RunError("wrong-password", reason, "correct user and password in the URL")
def word_of(error, lost = False):
 state = sqlstate(error)
 by_driver = type(error).__module__.partition(".")[0] in DRIVERS
 gone = not state and by_driver and any(text in str(error) for text in GONE)
 gone = gone or isinstance(error, ConnectionError)
 if lost or gone or state in CUT or state[:2] == "08":
  return "unreachable"
 return WORD_OF_SQLSTATE.get(state, "")
def sqlstate(error):
 return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")
