"""Turns the connections of SQLAlchemy and of drivers into ones that can be asked and limited beside env.py."""
from __future__ import annotations
from contextlib import contextmanager
from typing import Any
from .session import literal, quoted
NUMBER = "pg_current_xact_id()::text"
PATH = "array_to_string(current_schemas(false), ',')"
NOTICE = (
 "CASE WHEN current_setting('server_version_num')::int >= 140000 AND version() ~ 'linux' "
 "THEN set_config('client_connection_check_interval', '1000', false) END"
)
def find_by_name(dialect, table, schema):
 general = type(dialect)
 found = f"SELECT to_regclass({literal(f'{quoted(schema)}.{quoted(table)}')}) IS NOT NULL"
 def has_table(connection, name, schema_name = None, **given):
  if (name, given.get("schema", schema_name)) == (table, schema):
   return bool(connection.exec_driver_sql(found).scalar())
  place = given.pop("schema", schema_name)
  return bool(general.has_table(dialect, connection, name, place, **given))
 def has_multi_table(connection, names, schema = None, **given):
  if len(names) == 1:
   return {(schema, names[0]): has_table(connection, names[0], schema, **given)}.items()
  return general.has_multi_table(dialect, connection, names, schema=schema, **given)
 dialect.has_table, dialect.has_multi_table = has_table, has_multi_table
def is_in_transaction(connection):
 driver = connection.connection.driver_connection
 info = getattr(driver, "info", None)
 return bool(info.transaction_status == 2 if info is not None else driver.is_in_transaction())
@contextmanager
def patient(connection, lock_timeout):
 from sqlalchemy import event
 def limit(statement, value):
  if "CONCURRENTLY" in statement.upper():
   with connection.connection.cursor() as cursor:
    cursor.execute(f"SET lock_timeout = {value}")
 def before(_c, _cursor, statement, *_):
  limit(statement, "0")
 def after(_c, _cursor, statement, *_):
  limit(statement, lock_timeout)
 bound = getattr(connection, "sync_connection", None) or connection
 listeners = {"before_cursor_execute": before, "after_cursor_execute": after}
 for name, listener in listeners.items():
  event.listen(bound, name, listener)
 try:
  yield
 finally:
  for name, listener in listeners.items():
   event.remove(bound, name, listener)
@contextmanager
def left_as_it_was(connection):
 own = not connection.in_transaction() and hasattr(connection, "commit")
 def ask(statement):
  rows = list(connection.exec_driver_sql(statement).fetchall())
  if own:
   connection.commit()
  return rows
 try:
  yield ask
 finally:
  if own:
   connection.commit()
def settings(values, local):
 return ", ".join(f"set_config('{name}', {literal(value)}, {local})" for name, value in values.items())
