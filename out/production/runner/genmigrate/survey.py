"""Turns version tables into one state per schema, read in chunks and without Alembic."""
from __future__ import annotations
from functools import cache
from typing import NamedTuple
from .codes import RunError
from .session import Session, quoted, sqlstate
CHUNK = 200
THERE = """
SELECT s, to_regnamespace(quote_ident(s)) IS NOT NULL, v, to_regclass(quote_ident(v) || '.' || quote_ident(%s))
IS NOT NULL FROM unnest(string_to_array(%s, ' '), string_to_array(%s, ' ')) x(s, v)
"""
POPULATED = """
SELECT n.nspname, count(*) FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
WHERE n.nspname = ANY(%s::text[]) AND c.relname <> %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
AND d.objid = c.oid AND d.deptype = 'e') GROUP BY n.nspname
"""
READY = ("up-to-date", "pending", "missing-schema")
class State(NamedTuple):
 target: Target
 word: str
 current: tuple[str, ...] = ()
 pending: tuple[Revision, ...] = ()
 tables: int = 0
 reason: str = ""
 way_out: str = ""
def survey(session, targets, table, history):
 try:
  states = _look(session, targets, table, history)
  odd = [state.target for state in states if state.tables]
  again = {state.target: state for state in _look(session, odd, table, history)}
  return [again.get(state.target, state) for state in states]
 except session.errors as error:
  code, text = sqlstate(error), str(error).splitlines()[0]
  if code == "42501":
   reason = f"a version table cannot be read: {text}"
   raise RunError("no-right", reason, "grant SELECT on it") from None
  if code == "55P03":
   raise RunError("locked", f"a version table is locked: {text}", "run again later") from None
  raise
def missing(targets, history):
 return [State(target, "missing-schema", (), history.pending(())) for target in targets]
def _look(session, targets, table, history):
 there = _there(session, targets, table) if targets else ()
 schemas = {schema for schema, found, *_ in there if found}
 versioned = {schema for *_, schema, found in there if found}
 versions = {}
 for chunk in _chunks(sorted(versioned)):
  versions.update(_versions(session, chunk, table))
 pending = cache(history.pending)
 states = [_classify(target, schemas, versions, history, pending) for target in targets]
 doubtful = [state.target.schema for state in states if state.word == "pending" and not state.current]
 populated = {}
 for chunk in _chunks(doubtful):
  populated.update(_populated(session, chunk, table))
 def told(state):
  tables = populated.get(state.target.schema, 0)
  if not tables:
   return state
  word = "unstamped" if state.target.version_schema in versioned else "unversioned"
  return state._replace(word=word, tables=tables)
 return [told(state) for state in states]
def _chunks(schemas):
 return (schemas[start : start + CHUNK] for start in range(0, len(schemas), CHUNK))
def _classify(
 target,
 schemas,
 versions,
 history,
 pending,
):
 if target.schema not in schemas:
  return State(target, "missing-schema", (), pending(()))
 if history.head is None:
  return State(target, "up-to-date")
 current = tuple(sorted(versions.get(target.version_schema, ())))
 if any(revision not in history.revisions for revision in current):
  return State(target, "unknown-revision", current)
 left = pending(current)
 return State(target, "pending" if left or not current else "up-to-date", current, left)
def _there(session, targets, table):
 schemas, places = zip(*((target.schema, target.version_schema) for target in targets), strict=True)
 rows = session.rows(THERE, [table, " ".join(schemas), " ".join(places)])
 return [(row[0], row[1], row[2], row[3]) for row in rows]
def _versions(session, schemas, table):
 found = {}
 parts = [
  f"SELECT {index} AS place, version_num::text FROM {quoted(schema)}.{quoted(table)}"
  for index, schema in enumerate(schemas)
 ]
 for place, revision in session.rows(" UNION ALL ".join(parts)):
  found.setdefault(schemas[place], set()).add(revision)
 return found
def _populated(session, schemas, table):
 return {str(name): int(count) for name, count in session.rows(POPULATED, [schemas, table])}
