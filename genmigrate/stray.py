"""Turns the statements of a schema's connection into what they did outside of that schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .session import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .hand import Errand

    #: Runs a statement and returns its first row.
    Ask = Callable[[str], Sequence[Any]]

MOST_SHOWN = 3
NAME = r'(?:"(?P<quoted>[^"]+)"|(?P<plain>[a-z_][\w$]*))'
QUALIFIED = rf'{NAME}\s*\.\s*["a-z_]'
WORDS = "OR|REPLACE|UNIQUE|MATERIALIZED|FOREIGN|TABLE|VIEW|SEQUENCE|TYPE|DOMAIN|FUNCTION|PROCEDURE|INDEX|INTO|FROM"
WORDS += "|CONCURRENTLY|IF|NOT|EXISTS|ONLY|UNLOGGED"
NAMED = re.compile(QUALIFIED, re.IGNORECASE)
#: Statements that begin with what they make, change or write: all that is known of those that cannot be undone.
HEAD = re.compile(
    rf"\s*(?:CREATE|ALTER|DROP|INSERT|UPDATE|DELETE|TRUNCATE|COPY)(?:\s+(?:{WORDS}))*\s+{QUALIFIED}",
    re.IGNORECASE,
)
INDEX = re.compile(rf"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\b[^(]*?\sON\s+(?:ONLY\s+)?{QUALIFIED}", re.IGNORECASE)
#: What can make or change something without a lock on a table.
UNLOCKED = re.compile(
    r"\b(FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|TYPE|DOMAIN|SCHEMA|TRIGGER|POLICY|RULE|DO|CALL|EXECUTE)\b",
    re.IGNORECASE,
)
#: The tables that this transaction changed (A: made, altered or dropped, w: written to), as a name in its path.
NAMES_HELD = (
    "string_agg(CASE l.mode WHEN 'RowExclusiveLock' THEN 'w ' ELSE 'A ' END || l.relation::regclass, chr(10))"
)
CHANGED = (
    "l.pid = pg_backend_pid() AND l.locktype = 'relation' "
    "AND l.mode IN ('AccessExclusiveLock', 'RowExclusiveLock')"
)
HELD_HERE = f"(SELECT {NAMES_HELD} FROM pg_locks l WHERE {CHANGED})"
LINES = "SELECT string_agg(n.nspname || chr(9) || {} n.nspname || coalesce('.' || {}, ''), chr(10))"
NO_MEMBER = "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = {} AND d.objid = {} AND d.deptype = 'e')"
RELATIONS = (
    f"{LINES.format('', 'c.relname')} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'pg_toast') AND "
    + NO_MEMBER.format("'pg_class'::regclass", "c.oid")
)
OF_MODE = "c.oid IN (SELECT l.relation FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.mode = '{}')"
#: A visible row of a transaction in progress is one's own; behind a savepoint it has a number of its own.
OWN_ROW = (
    "CASE WHEN age({0}) <= 0 THEN pg_xact_status((pg_current_xact_id()::text::bigint - age({0}))::text::xid8) "
    "= 'in progress' ELSE false END"
)
#: Locked, but no row of it was changed: its other side of a foreign key was dropped, perhaps.
UNCHANGED = (
    "SELECT string_agg(c.oid::text, ',') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE {OF_MODE.format('AccessExclusiveLock')} AND n.nspname NOT IN ('pg_catalog', 'pg_toast', {{}}) "
    f"AND NOT {OWN_ROW.format('c.xmin')} AND NOT EXISTS (SELECT FROM pg_attribute a "
    f"WHERE a.attrelid = c.oid AND {OWN_ROW.format('a.xmin')})"
)
REFERENCED = (
    "c.oid IN ({}) AND EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid "
    "AND f.connamespace = {}::regnamespace)"
)
LOCKED = (
    f"SELECT ({RELATIONS} AND {OF_MODE.format('AccessExclusiveLock')}), "
    f"({RELATIONS} AND c.relkind IN ('r', 'p', 'f') AND {OF_MODE.format('RowExclusiveLock')})"
)
OBJECTS = """
SELECT 'pg_proc'::regclass AS class, oid, pronamespace AS space, 'function ' AS kind, proname AS name, xmin AS born
FROM pg_proc UNION ALL
SELECT 'pg_type'::regclass, oid, typnamespace, 'type ', typname, xmin FROM pg_type
WHERE typrelid = 0 AND typelem = 0 UNION ALL
SELECT 'pg_namespace'::regclass, oid, oid, 'schema ', NULL, xmin FROM pg_namespace UNION ALL
SELECT 'pg_trigger'::regclass, t.oid, c.relnamespace, 'trigger ', tgname, t.xmin FROM pg_trigger t
JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal
"""
DESCRIBED = (
    f"{LINES.format('kind ||', 'o.name')} FROM ({OBJECTS}) o JOIN pg_namespace n ON n.oid = o.space "
    f"WHERE {NO_MEMBER.format('o.class', 'o.oid')} AND "
)
MADE = f"{DESCRIBED} {OWN_ROW.format('o.born')}"
#: And what it dropped, of which only the numbers are left here.
DROPPED = (
    "SELECT string_agg('(' || l.classid || ',' || l.objid || ')', ',') FROM pg_locks l WHERE l.pid = pg_backend_pid() "
    "AND l.locktype = 'object' AND l.mode = 'AccessExclusiveLock' AND l.database <> 0 AND (l.classid, l.objid) "
    f"NOT IN (SELECT o.class, o.oid FROM ({OBJECTS}) o)"
)


#: Strings and comments, in which no name is a name.
QUOTED = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)
#: What ends the transaction that a revision and its version are committed by.
ENDS = re.compile(
    r"\s*(?:COMMIT|ABORT|ROLLBACK(?!\s+(?:WORK\s+|TRANSACTION\s+)?TO\b)|PREPARE\s+TRANSACTION)\b",
    re.IGNORECASE,
)
ENDED = "it ends its transaction by itself: use op.get_context().autocommit_block()"
RESETS = re.compile(r"\s*(?:RESET|DISCARD)\b", re.IGNORECASE)


class AstrayError(Exception):
    """env.py or a revision works elsewhere, or otherwise, than the plan says."""


class Strays:
    """What one schema's connection does; asked behind each revision for what is not in that schema."""

    def __init__(self, errand: Errand) -> None:
        target = errand.target
        self._schema = target.schema
        self._own = {target.schema, target.version_schema, "genmigrate"}
        self._planned = errand.hand.planned
        self._sees_others = bool(errand.service.extension_schemas)
        self._listens = self._unlocked = False
        self.commits_at_once = False  # in an autocommit block

    def begin(self) -> None:
        """Before a revision's first statement."""
        self._listens, self._unlocked = True, False

    def end(self) -> None:
        """Behind its last."""
        self._listens = False

    def hear(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """Before a statement is sent. Raises AstrayError for one that looks astray and could not be undone."""
        if not self._listens:
            return
        parts = QUOTED.sub(" ", statement).split(";")
        if not self.commits_at_once:
            self._unlocked = self._unlocked or bool(UNLOCKED.search(statement))
            if any(map(ENDS.match, parts)):
                raise AstrayError(ENDED)
            return
        found = [name for part in parts if (name := HEAD.match(part) or INDEX.match(part))]
        wrong = {_schema(name) for name in found} - self._own
        wrong |= {
            _schema(name) for part in parts for name in NAMED.finditer(part)
        } & self._planned - self._own
        wrong |= {part.strip() for part in parts if RESETS.match(part)}
        self._refuse("its autocommit block names", sorted(wrong - {"pg_temp"}))

    def judge(self, held: str | None, ask: Ask, elsewhere: Ask) -> None:
        """In a revision's transaction, which holds the locks `held` (by HELD_HERE). Raises AstrayError.

        `ask` asks there, and `elsewhere` another session: only that can name what is dropped here.
        """
        lines = [line.partition(" ")[::2] for line in (held or "").splitlines()]
        if any(self._may_stray(name) for _, name in lines):
            changed, written = ask(LOCKED)
            still = ask(UNCHANGED.format(literal(self._schema)))[0]
            if still:
                own = literal(quoted(self._schema))
                referenced = elsewhere(f"{RELATIONS} AND {REFERENCED.format(still, own)}")[0]
                let_go = (referenced or "").splitlines()
                changed = "\n".join(line for line in changed.splitlines() if line not in let_go)
            self._outside("it made or changed", changed)
            self._outside("it wrote rows of", written, self._planned)
            dropped = ",".join(name for mode, name in lines if mode == "A" and name.isdigit())
            if dropped:
                gone = elsewhere(f"{RELATIONS} AND c.oid IN ({dropped})")[0]
                self._outside("it made or changed", gone)
        if self._unlocked:
            self._outside("it made or changed", ask(MADE)[0])
            dropped = ask(DROPPED)[0]
            if dropped:
                gone = elsewhere(f"{DESCRIBED} (o.class::oid, o.oid) IN ({dropped})")[0]
                self._outside("it made or changed", gone)

    def _may_stray(self, name: str) -> bool:
        """Whether a name that is unqualified where the path finds it may be of another schema."""
        if name.isdigit() or "." not in name:
            return self._sees_others or name.isdigit()
        return not any(name.startswith((f"{own}.", f"{quoted(own)}.")) for own in (*self._own, "pg_toast"))

    def _outside(self, what: str, lines: str | None, only: frozenset[str] | None = None) -> None:
        found = [line.split("\t", 1) for line in sorted((lines or "").splitlines())]
        strays = [
            name for schema, name in found if schema not in self._own and (only is None or schema in only)
        ]
        self._refuse(what, strays)

    def _refuse(self, what: str, strays: Sequence[str]) -> None:
        if strays:
            shown = ", ".join(strays[:MOST_SHOWN])
            raise AstrayError(f"{what} {shown}, outside of its schema {self._schema}")


def _schema(found: re.Match[str]) -> str:
    return found["quoted"] or found["plain"].lower()


_heard: list[Any] = []


def listen(connection: Any, listener: Any) -> None:
    """Let one listener know each statement, and none of an earlier schema's."""
    from sqlalchemy import event

    if _heard:
        event.remove(*_heard)
    _heard[:] = [
        getattr(connection, "sync_connection", None) or connection,
        "before_cursor_execute",
        listener,
    ]
    event.listen(*_heard)
