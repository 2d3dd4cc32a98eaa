"""Turns what runs did into rows of the schema `genmigrate`, and those rows into what a later image may believe."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from genmigrate.lock import key_of, matching, statements_key
from genmigrate.output import names
from genmigrate.session import quoted, sqlstate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from genmigrate.history import History
    from genmigrate.session import Session
    from genmigrate.survey import State

SCHEMA = "CREATE SCHEMA IF NOT EXISTS genmigrate;"
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
#: Whether the manifest is there and this connection may write it: ask on env.py's own, which may SET ROLE.
WRITABLE = """
SELECT count(*) = 4 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'genmigrate' AND c.relname IN ('runs', 'revisions', 'applied', 'unfinished')
AND has_schema_privilege(n.oid, 'USAGE') AND (SELECT bool_and(has_table_privilege(c.oid, right_))
FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) right_)
"""
#: Somebody else made the same thing in this very moment.
RACED = ("23505", "40P01", "42P06", "42P07", "42710", "55P03", "XX000")
UNREADABLE = ("3F000", "42501", "42P01")


@dataclass(frozen=True)
class Known:
    """The revisions that some image of a service knew when it migrated: their parents and their names."""

    parents: dict[str, tuple[str, ...]]
    names: dict[str, str]


@dataclass(frozen=True)
class Edited:
    """A revision whose file is no longer what was applied: in how many schemas, and one of them."""

    revision: str
    schemas: int
    example: str


def prepare(session: Session) -> bool:
    """Make the manifest where it is missing; False where this role may not. Not for a run without work."""
    for _ in range(20):
        if session.rows(WRITABLE)[0][0]:
            return True
        there = session.rows("SELECT to_regnamespace('genmigrate') IS NOT NULL")[0][0]
        try:
            session.rows(TABLES if there else SCHEMA + TABLES)
        except session.errors as error:
            if sqlstate(error) == "42501":
                return False
            if sqlstate(error) not in RACED:
                raise
    return False


def begin_run(
    session: Session, run: str, service: str, environment: str, command: str, digest: str, past: History
) -> None:
    """Note a run and every revision of its image, before the first of them is applied."""
    columns = "run, service, environment, command, plan_digest"
    statement = f"INSERT INTO genmigrate.runs ({columns}) VALUES (%s, %s, %s, %s, %s)"
    session.rows(statement, [run, service, environment, command, digest])
    graph = [
        {"revision": r.id, "parents": r.parents + r.needs, "name": r.slug, "checksum": r.checksum}
        for r in past.revisions.values()
    ]
    session.rows(
        "INSERT INTO genmigrate.revisions AS r (service, revision, parents, name, checksum, run) "
        "SELECT %s, revision, parents, name, checksum, %s FROM jsonb_to_recordset(%s::jsonb) "
        "AS x(revision text, parents text[], name text, checksum text) ORDER BY revision "
        "ON CONFLICT (service, revision) DO UPDATE SET parents = excluded.parents, name = excluded.name, "
        "checksum = excluded.checksum, run = excluded.run "
        "WHERE (r.parents, r.name, r.checksum) IS DISTINCT FROM (excluded.parents, excluded.name, excluded.checksum)",
        [service, run, json.dumps(graph)],
    )


def end_run(session: Session, run: str, service: str, code: int, summary: dict[str, Any]) -> None:
    """Note how a run ended."""
    statement = (
        "UPDATE genmigrate.runs SET ended = clock_timestamp(), code = %s, summary = %s::jsonb "
        "WHERE run = %s AND service = %s AND ended IS NULL"
    )
    session.rows(statement, [code, json.dumps(summary), run, service])


def applied_statement(
    run: str,
    service: str,
    schema: str,
    revision: str,
    name: str,
    checksum: str,
    direction: str,
    seconds: float,
) -> str:
    """One statement for env.py's connection, in the revision's own transaction, with its version row.

    It also takes the revision's unfinished row away. Holds no `%`: any driver takes it as it is.
    """
    took = f"{seconds:.3f}"
    values = ", ".join(map(_text, (run, service, schema, revision, name, checksum, direction)))
    return (
        f"WITH finished AS (DELETE FROM genmigrate.unfinished WHERE service = {_text(service)} "
        f"AND schema = {_text(schema)} AND revision = {_text(revision)}) "
        "INSERT INTO genmigrate.applied (run, service, schema, revision, name, checksum, direction, started, seconds) "
        f"VALUES ({values}, clock_timestamp() - make_interval(secs => {took}), {took})"
    )


def unfinished_statement(run: str, service: str, schema: str, revision: str, direction: str = "up") -> str:
    """One statement for env.py's connection, first thing in an autocommit block. Holds no `%`."""
    values = ", ".join(map(_text, (run, service, schema, revision, direction)))
    return (
        f"INSERT INTO genmigrate.unfinished (run, service, schema, revision, direction) VALUES ({values}) "
        "ON CONFLICT (service, schema, revision) DO UPDATE SET run = excluded.run, direction = excluded.direction, "
        "at = clock_timestamp()"
    )


def _text(text: str) -> str:
    """An SQL literal in which no driver finds a placeholder, whatever standard_conforming_strings says."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace("%", "\\x25") + "'"


def _read(session: Session, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]] | None:
    """None where there is no manifest, or none for this role."""
    try:
        return session.rows(statement, parameters)
    except session.errors as error:
        if sqlstate(error) not in UNREADABLE:
            raise
        return None


def known(session: Session, service: str) -> Known | None:
    """The graph of a service's revisions; None without a manifest that this role can read."""
    rows = _read(
        session, "SELECT revision, parents, name FROM genmigrate.revisions WHERE service = %s", [service]
    )
    if rows is None:
        return None
    return Known({row[0]: tuple(row[1]) for row in rows}, {row[0]: row[2] for row in rows})


def is_ahead(known: Known, current: Iterable[str], head: str | None) -> bool:
    """Whether a newer image brought a schema to `current`: each is known, and they contain this image's head."""
    seen: set[str] = set()
    todo = list(current)
    if any(each not in known.parents and each != head for each in todo):
        return False
    while todo:
        each = todo.pop()
        if each not in seen:
            seen.add(each)
            todo += known.parents.get(each, ())
    return head in seen


def tell_ahead(states: Sequence[State], known: Known | None, past: History, service: str) -> list[State]:
    """The states with those made `ahead` that are at an unknown revision and at least at this image's head."""

    def told(state: State) -> State:
        if known is None or state.word != "unknown-revision" or not is_ahead(known, state.current, past.head):
            return state
        here = names([known.names.get(each, each) for each in state.current])
        return replace(
            state,
            word="ahead",
            reason=f"schema {state.target.schema} is at {here}, newer than this image's {past.slug(past.head or '')}",
            way_out="deploy the image that has it, or undo it with that image: "
            f"python3 -m genmigrate downgrade --service {service} --to {past.head}",
        )

    return [told(state) for state in states]


def tell_dirty(session: Session, service: str, states: Sequence[State], past: History) -> list[State]:
    """The states with those made `dirty` that hold an invalid index or half of an autocommit block.

    Not where another session is at work under the schema's lock: it will still finish both.
    """
    schemas = [state.target.schema for state in states if state.word in ("up-to-date", "pending")]
    indexes, begun = invalid_indexes(session, schemas), unfinished(session, service, schemas)

    def told(state: State) -> State:
        schema = state.target.schema
        done = past.ancestors(state.current)
        half = [each for each, direction in begun.get(schema, ()) if (each in done) == (direction == "down")]
        invalid = indexes.get(schema, [])
        if not (half or invalid) or _busy(session, schema):
            return state
        why = [f"index {index} is invalid" for index in invalid]
        out = [f"DROP INDEX CONCURRENTLY {index}" for index in invalid]
        if half:
            why.append(f"the autocommit block of {names([past.slug(each) for each in half])} did not finish")
            where = f"service = {_text(service)[1:]} AND schema = {_text(schema)[1:]}"
            out.append(f"repair what it left, then DELETE FROM genmigrate.unfinished WHERE {where}")
        return replace(
            state, word="dirty", reason=f"in schema {schema} {' and '.join(why)}", way_out="; ".join(out)
        )

    return [told(state) for state in states]


def _busy(session: Session, schema: str) -> bool:
    keys = (key_of(schema), statements_key(schema))
    return any(session.rows(f"SELECT FROM {matching(key)} AND l.pid <> pg_backend_pid()") for key in keys)


def unfinished(session: Session, service: str, schemas: list[str]) -> dict[str, list[tuple[str, str]]]:
    """By schema: the revisions, with their direction, that entered an autocommit block and did not end."""
    found: dict[str, list[tuple[str, str]]] = {}
    statement = (
        "SELECT schema, revision, direction FROM genmigrate.unfinished "
        "WHERE service = %s AND schema = ANY(%s::text[]) ORDER BY at"
    )
    for schema, revision, direction in _read(session, statement, [service, schemas]) or ():
        found.setdefault(schema, []).append((revision, direction))
    return found


def invalid_indexes(session: Session, schemas: list[str]) -> dict[str, list[str]]:
    """By schema: indexes that CREATE INDEX CONCURRENTLY left behind; a failed REINDEX's are no migration's."""
    found: dict[str, list[str]] = {}
    statement = (
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND c.relkind = 'i' "
        "AND c.relname !~ '_cc(new|old)[0-9]*$' AND n.nspname = ANY(%s::text[]) ORDER BY 1, 2"
    )
    for schema, index in session.rows(statement, [schemas]):
        found.setdefault(schema, []).append(f"{quoted(schema)}.{quoted(index)}")
    return found


def edited(session: Session, service: str, past: History) -> list[Edited] | None:
    """The revisions whose files differ from what is applied, compared in SQL; None without a manifest."""
    rows = _read(
        session,
        "SELECT a.revision, count(DISTINCT a.schema), min(a.schema) FROM genmigrate.applied a "
        "JOIN jsonb_each_text(%s::jsonb) f ON f.key = a.revision AND f.value <> a.checksum "
        "WHERE a.service = %s AND a.direction = 'up' AND NOT EXISTS (SELECT FROM genmigrate.applied b "
        "WHERE b.service = a.service AND b.schema = a.schema AND b.revision = a.revision AND b.id > a.id) "
        "AND EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = a.schema) GROUP BY 1",
        [json.dumps({r.id: r.checksum for r in past.revisions.values()}), service],
    )
    order = list(past.revisions)
    return (
        None
        if rows is None
        else sorted((Edited(*row) for row in rows), key=lambda e: order.index(e.revision))
    )


def as_document(session: Session, run: str, service: str) -> dict[str, Any] | None:
    """What a run did to a service's schemas, for programs; None when it left no trace."""
    runs = _read(
        session,
        "SELECT environment, command, plan_digest, started, ended, code, summary FROM genmigrate.runs "
        "WHERE run = %s AND service = %s ORDER BY started DESC LIMIT 1",
        [run, service],
    )
    if not runs:
        return None
    keys = ("environment", "command", "plan_digest", "started", "ended", "code", "summary")
    steps = session.rows(
        "SELECT a.schema, a.revision, a.name, a.checksum, a.direction, a.seconds, r.parents "
        "FROM genmigrate.applied a LEFT JOIN genmigrate.revisions r USING (service, revision) "
        "WHERE a.run = %s AND a.service = %s AND a.started >= %s ORDER BY a.id",
        [run, service, runs[0][3]],
    )
    schemas: dict[str, list[tuple[Any, ...]]] = {}
    for schema, *step in steps:
        schemas.setdefault(schema, []).append(tuple(step))
    head = dict(zip(keys, runs[0], strict=True))
    head.update({key: head[key] and head[key].isoformat() for key in ("started", "ended")})
    return {
        "run": run,
        "service": service,
        **head,
        "schemas": [{"schema": schema, **_way(way)} for schema, way in sorted(schemas.items())],
    }


def _way(steps: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """From where to where these steps led, and each of them."""
    came: set[str] = set()
    now: set[str] = set()
    made: set[str] = set()
    for revision, _name, _checksum, direction, _seconds, parents in steps:
        gone, new = {revision}, set(parents or ())
        if direction == "up":
            gone, new = new, gone
        came |= gone - made
        now = (now - gone) | new
        made |= new
    keys = ("revision", "name", "checksum", "direction", "seconds")
    return {
        "from": sorted(came),
        "to": sorted(now),
        "seconds": round(sum(step[4] for step in steps), 3),
        "applied": [dict(zip(keys, step, strict=False)) for step in steps],
    }
