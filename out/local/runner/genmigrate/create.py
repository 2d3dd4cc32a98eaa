"""Turns the URL of a database that is missing into that database: where an environment makes its own, on a laptop."""
from __future__ import annotations
import time
from .codes import RunError
from .output import one_line
from .session import Session, driver_module, quoted, reason_of, sqlstate
MAINTENANCE = "postgres"
def create_database(url, application):
 module = driver_module(url)
 try:
  session = Session(module, url, application, MAINTENANCE)
 except module.Error as error:
  reason = f"database {url.database} is missing and {MAINTENANCE} cannot be entered to create it"
  raise RunError(
   "missing-database", f"{reason}: {reason_of(url, error)}", "create it by hand"
  ) from None
 with session:
  for attempt in range(20):
   try:
    session.rows(f"CREATE DATABASE {quoted(url.database)}")
    return
   except module.Error as error:
    state = sqlstate(error)
    if state in ("42P04", "23505"):
     return
    if state == "42501":
     reason = f"user {url.parameters.get('user', '')} may not create database {url.database}"
     raise RunError("no-right", reason, "grant CREATEDB, or create it by hand") from None
    if state != "55006" or attempt == 19:
     reason = url.hide(one_line(error))
     raise RunError("missing-database", reason, "create it by hand") from None
   time.sleep(0.25)
