"""Turns what runs did into rows of the schema `genmigrate`, and those into what a later image may believe."""
from __future__ import annotations
import json
from typing import Any
from .lock import key_of, matching, statements_key
from .output import names
from .session import quoted, sqlstate
TABLES = """
CREATE TABLE IF NOT EXISTS genmigrate.runs (run text, service text, environment text, command text,
plan_digest text, started timestamptz DEFAULT clock_timestamp(), ended timestamptz, code int, summary jsonb);
CREATE TABLE IF NOT EXISTS genmigrate.revisions (service text, revision text, parents text[], name text,
checksum text, run text, PRIMARY KEY (service, revision));
CREATE TABLE IF NOT EXISTS genmigrate.applied (id bigint GENERATED ALWAYS AS IDENTITY, run text, service text,
schema text, revision text, name text, checksum text, direction text, started timestamptz, seconds float8,
PRIMARY KEY (service, schema, revision, id));
CREATE TABLE IF NOT EXISTS genmigrate.unfinished (service text, schema text, revision text, direction text,
run text, at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (service, schema, revision))
"""
WRITABLE = """
SELECT count(*) = 4 FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'genmigrate'
AND relname IN ('runs', 'revisions', 'applied', 'unfinished') AND has_schema_privilege(n.oid, 'USAGE')
AND (SELECT bool_and(has_table_privilege(c.oid, p)) FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) p)
"""
LEARN = """
INSERT INTO genmigrate.revisions AS r SELECT %s, revision, parents, name, checksum, %s
FROM jsonb_to_recordset(%s::jsonb) AS x(revision text, parents text[], name text, checksum text)
ORDER BY revision ON CONFLICT (service, revision) DO UPDATE
SET (parents, name, checksum, run) = (excluded.parents, excluded.name, excluded.checksum, excluded.run)
WHERE (r.parents, r.name, r.checksum) <> (excluded.parents, excluded.name, excluded.checksum)
"""
END = """
UPDATE genmigrate.runs SET ended = clock_timestamp(), code = %s, summary = %s
WHERE run = %s AND service = %s AND ended IS NULL
"""
EDITED = """
SELECT a.revision, count(DISTINCT a.schema), min(a.schema) FROM genmigrate.applied a
JOIN jsonb_each_text(%s::jsonb) f ON f.key = a.revision AND f.value <> a.checksum
WHERE a.service = %s AND a.direction = 'up' AND to_regnamespace(quote_ident(a.schema)) IS NOT NULL
AND NOT EXISTS (SELECT FROM genmigrate.applied b
WHERE (b.service, b.schema, b.revision) = (a.service, a.schema, a.revision) AND b.id > a.id) GROUP BY 1
"""
INVALID = """
SELECT nspname, relname FROM pg_index JOIN pg_class c ON c.oid = indexrelid
JOIN pg_namespace n ON n.oid = relnamespace WHERE NOT indisvalid AND relkind = 'i'
AND relname !~ '_cc(new|old)[0-9]*$' ORDER BY 1, 2
"""
DOCUMENT = """
SELECT to_jsonb(r), (SELECT jsonb_agg(to_jsonb(a) || jsonb_build_object('parents', coalesce(parents, '{}'))
- '{id,run,service}'::text[] ORDER BY id) FROM genmigrate.applied a
LEFT JOIN genmigrate.revisions USING (service, revision) WHERE a.run = r.run AND service = r.service)
FROM genmigrate.runs r WHERE run = %s AND service = %s ORDER BY started DESC LIMIT 1
"""
RACED = ("23505", "40P01", "42P06", "42P07", "42710", "55P03")
UNREADABLE = ("42501", "42P01")
SINCE = "now(), extract(epoch FROM clock_timestamp() - now())"
COLUMNS = "run, service, schema, revision, direction"
def prepare(session):
 for _ in range(20):
  if session.rows(WRITABLE)[0][0]:
   return True
  there = session.rows("SELECT to_regnamespace('genmigrate') IS NOT NULL")[0][0]
  try:
   session.rows(("" if there else "CREATE SCHEMA genmigrate;") + TABLES)
  except session.errors as error:
   if sqlstate(error) == "42501":
    break
   if sqlstate(error) not in RACED:
    raise
 return False
def begin_run(
 session, run, service, environment, command, digest, past
):
 noted = [run, service, environment, command, digest]
 session.rows("INSERT INTO genmigrate.runs VALUES (%s, %s, %s, %s, %s)", noted)
 graph = [
  {"revision": r.id, "parents": r.parents + r.needs, "name": r.slug, "checksum": r.checksum}
  for r in past.revisions.values()
 ]
 session.rows(LEARN, [service, run, json.dumps(graph)])
def end_run(session, run, service, code, summary):
 session.rows(END, [code, json.dumps(summary), run, service])
def applied_statement(
 run,
 service,
 schema,
 revision,
 name,
 checksum,
 direction,
 seconds,
 *,
 ends_block,
):
 times = (
  f"clock_timestamp() - make_interval(secs => {seconds:.3f}), {seconds:.3f}"
  if seconds is not None
  else SINCE
 )
 row = _texts(service, schema, revision)
 ended = f"DELETE FROM genmigrate.unfinished WHERE (service, schema, revision) = ({row})"
 return (
  (f"WITH finished AS ({ended}) " if ends_block else "")
  + f"INSERT INTO genmigrate.applied ({COLUMNS}, name, checksum, started, seconds) "
  f"VALUES ({_texts(run, service, schema, revision, direction, name, checksum)}, "
  f"{times}) RETURNING"
 )
def unfinished_statement(run, service, schema, revision, direction = "up"):
 values = _texts(run, service, schema, revision, direction)
 return (
  f"INSERT INTO genmigrate.unfinished ({COLUMNS}) VALUES ({values}) ON CONFLICT (service, schema, revision) "
  "DO UPDATE SET (run, direction, at) = (excluded.run, excluded.direction, excluded.at)"
 )
def _texts(*texts):
 spelt = (text.replace("\\", "\\\\").replace("'", "''").replace("%", "\\x25") for text in texts)
 return ", ".join(f"E'{text}'" for text in spelt)
def read(session, statement, *parameters):
 try:
  there = session.rows("SELECT to_regclass('genmigrate.applied') IS NOT NULL")[0][0]
  return session.rows(statement, parameters) if there else None
 except session.errors as error:
  if sqlstate(error) not in UNREADABLE:
   raise
  return None
def known(session, service):
 statement = "SELECT revision, parents, name FROM genmigrate.revisions WHERE service = %s"
 rows = read(session, statement, service)
 return None if rows is None else {revision: (parents, name) for revision, parents, name in rows}
def is_ahead(graph, current, head):
 todo, seen = list(current), set[str]()
 if not all(each in graph or each == head for each in todo):
  return False
 while todo:
  each = todo.pop()
  todo += graph[each][0] if each in graph and each not in seen else []
  seen.add(each)
 return head in seen
def judge(session, service, states, past):
 strange = any(state.word == "unknown-revision" for state in states)
 graph = known(session, service) if strange else None
 return tell_dirty(session, service, tell_ahead(service, states, graph, past), past)
def tell_ahead(service, states, graph, past):
 def told(state):
  if state.word != "unknown-revision" or graph is None or not is_ahead(graph, state.current, past.head):
   return state
  here = names([graph[each][1] if each in graph else each for each in state.current])
  image = f"this image's {past.slug(past.head or '')}"
  why = f"schema {state.target.schema} is at {here}, newer than {image}"
  undo = f"genmigrate downgrade --service {service} --to {past.head}"
  way_out = f"deploy the image that has it, or undo it with that image: {undo}"
  return state._replace(word="ahead", reason=why, way_out=way_out)
 return list(map(told, states))
def tell_dirty(session, service, states, past):
 broken, begun = invalid_indexes(session), unfinished(session, service)
 def told(state):
  schema, done = state.target.schema, past.ancestors(state.current)
  indexes = [f"{quoted(schema)}.{quoted(index)}" for place, index in broken if place == schema]
  half = [past.slug(r) for place, r, way in begun if place == schema and (r in done) == (way == "down")]
  ready = state.word in ("up-to-date", "pending")
  if not (ready and (half or indexes)) or _busy(session, schema):
   return state
  why = [f"index {index} is invalid" for index in indexes]
  out = [f"DROP INDEX CONCURRENTLY {index}" for index in indexes]
  if half:
   why.append(f"the autocommit block of {names(half)} did not end")
   rows = f"DELETE FROM genmigrate.unfinished WHERE service = '{service}' AND schema = '{schema}'"
   out.append(f"repair what it left, then {rows}")
  return state._replace(word="dirty", reason=f"in {schema} {' and '.join(why)}", way_out="; ".join(out))
 return list(map(told, states)) if broken or begun else list(states)
def _busy(session, schema):
 keys = (key_of(schema), statements_key(schema))
 return any(session.rows(f"SELECT 1 FROM {matching(key)} AND l.pid <> pg_backend_pid()") for key in keys)
def unfinished(session, service):
 statement = "SELECT schema, revision, direction FROM genmigrate.unfinished WHERE service = %s ORDER BY at"
 return read(session, statement, service) or []
def invalid_indexes(session):
 return session.rows(INVALID)
def edited(session, service, past):
 checksums = json.dumps({r.id: r.checksum for r in past.revisions.values()})
 rows = read(session, EDITED, checksums, service)
 found = {revision: (schemas, example) for revision, schemas, example in rows or ()}
 return rows and [(r, *found[r.id]) for r in past.revisions.values() if r.id in found]
def as_document(session, run, service):
 found = read(session, DOCUMENT, run, service)
 schemas = {}
 for step in (found and found[0][1]) or ():
  schemas.setdefault(step.pop("schema"), []).append(step)
 ways = {schema: _way(schemas[schema]) for schema in sorted(schemas)}
 return {**found[0][0], "schemas": ways} if found else None
def _way(steps):
 made = {step["revision"] for step in steps}
 parents = {parent for step in steps for parent in step["parents"]}
 ends = sorted(parents - made), sorted(made - parents)
 came, went = ends if steps[0]["direction"] == "up" else ends[::-1]
 return {"from": came, "to": went, "seconds": sum(step["seconds"] for step in steps), "applied": steps}
