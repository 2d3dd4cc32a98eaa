"""Turns the connection that env.py opened into one of this run: locked, limited, confined to one schema."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import manifest
from .codes import RunError
from .lock import acquire, key_of, matching, statements_key
from .session import Session, driver_module, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .hand import Errand
    from .history import Revision

SOURCE = "SELECT source FROM pg_settings WHERE name = 'search_path'"
UNTOUCHED = ("default", "configuration file", "database", "user", "database user", "global")
DATA = "data"


class AstrayError(Exception):
    """env.py works elsewhere, or otherwise, than the plan says."""


class Hold:
    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self.task = errand.task
        self._schema = errand.target.schema
        self._key = statements_key(self._schema)
        self.path = [self._schema, *errand.service.extension_schemas]
        self._began = 0.0
        self._revision: Revision | None = None
        self.halved = False
        self._backend = 0
        self.keeps_files = errand.hand.keeps_files

    def take(self, context: Any) -> None:
        connection = context.connection
        if connection is None:
            return
        if not self._errand.service.skip_env:
            connection.connection.invalidate(soft=True)
        with _left_as_it_was(connection) as ask:
            self._settle(context, ask)

    def _settle(self, context: Any, ask: Any) -> None:
        errand = self._errand
        named = {"application_name": errand.application, **self._limits()}
        settings = _settings(named, "false")
        writable = f"({manifest.WRITABLE})" if errand.keeps_manifest else "false"
        row = ask(
            f"{self._seen()}, pg_backend_pid(), pg_try_advisory_lock({self._key}), {writable}, {NOTICE}, {settings}"
        )[0]
        self._backend = int(row[3])
        errand.tell(backend=self._backend)
        self._check(row)
        errand.keeps_manifest = row[5]
        if not self._is_path(row[2]) and ask(SOURCE)[0][0] in UNTOUCHED:
            wanted = ", ".join(f'"{name}"' for name in self.path)
            ask(f"SELECT set_config('search_path', {literal(wanted)}, false)")
        context.connection.dialect.default_schema_name = self._schema
        if not row[4]:
            acquire(ask, self._key, self._schema, errand.patience_s, errand.check)
        block = context.autocommit_block

        @contextmanager
        def noted() -> Iterator[None]:
            self.halved = True
            connection, limits = context.connection, self._limits()
            with block():
                connection.exec_driver_sql(f"SET statement_timeout = {limits['statement_timeout']}")
                if errand.keeps_manifest and self._revision:
                    what = (errand.service.name, self._schema, self._revision.id, self.task)
                    connection.exec_driver_sql(manifest.unfinished_statement(errand.run, *what))
                with _patient(connection, limits["lock_timeout"]):
                    yield

        context.autocommit_block = noted

    def release(self, context: Any) -> None:
        if context.connection is not None:
            with _left_as_it_was(context.connection) as ask:
                ask(f"SELECT pg_advisory_unlock({self._key})")

    def abandon(self) -> None:
        if self._backend:
            ended = "SELECT count(pg_terminate_backend(l.pid))"
            self._elsewhere(f"{ended} FROM {matching(self._key)} AND l.pid = {self._backend}")

    def _limits(self) -> dict[str, str]:
        plan = self._errand.plan
        data = self._revision is not None and self._revision.phase == DATA
        limit = 0 if data else plan.statement_timeout_ms
        return {"lock_timeout": str(plan.lock_timeout_ms), "statement_timeout": str(limit)}

    def confine(self, context: Any, revision: Revision) -> None:
        self.halved = False
        self._revision, self._began = revision, time.monotonic()
        settings = _settings(self._limits(), "true")
        row = context.connection.exec_driver_sql(f"{self._seen()}, {settings}").fetchone()
        self._check(row)
        if not _is_in_transaction(context.connection):
            why = "env.py's connection commits each statement (AUTOCOMMIT)"
            raise AstrayError(f"{why}: a revision needs a transaction")
        self._expect(row[2])

    def settle(self, context: Any) -> None:
        errand, revision = self._errand, self._revision
        statement, seen = "SELECT", f"{PATH}, ({MADE}), ({DROPPED})"
        if errand.keeps_manifest and revision:
            seconds = time.monotonic() - self._began
            what = (errand.service.name, self._schema, revision.id, revision.slug, revision.checksum)
            statement = f"{manifest.applied_statement(errand.run, *what, self.task, seconds)} RETURNING"
        row = context.connection.exec_driver_sql(f"{statement} {seen}").fetchone()
        self._expect(row[0])
        allowed = {*self.path[:1], errand.target.version_schema, "genmigrate"}
        touched = row[1] or ""
        if row[2]:
            touched += "\n" + (self._elsewhere(f"{NAMES} c.oid IN ({row[2]}) AND {OURS}") or "")
        strays = [name for name in touched.split("\n") if name and name.partition(".")[0] not in allowed]
        if strays:
            made = ", ".join(strays[:3])
            raise AstrayError(f"it made or changed {made}, outside of its schema {self._schema}")

    def _seen(self) -> str:
        return f"SELECT current_database(), (SELECT count(*) FROM {self._lock()}), {PATH}"

    def _lock(self) -> str:
        return f"{matching(key_of(self._schema))} AND l.pid = {self._errand.runner}"

    def _elsewhere(self, statement: str) -> Any:
        url = self._errand.url
        with Session(driver_module(url), url, self._errand.application) as session:
            return session.rows(statement)[0][0]

    def _check(self, row: Any) -> None:
        if row[1]:
            return
        errand = self._errand
        if not self._elsewhere(f"SELECT count(*) FROM {self._lock()}"):
            reason = f"the session that holds the lock of {self._schema} was cut"
            raise RunError("unreachable", reason, "run again, it goes on from the last whole revision")
        variable = errand.service.url_env
        raise AstrayError(f"env.py is connected to database {row[0]} of another place than {variable} names")

    def _is_path(self, path: str) -> bool:
        first, *others = path.split(",")
        return first == self._schema and set(others) <= set(self.path[1:])

    def _expect(self, path: str) -> None:
        if not self._is_path(path):
            actual, wanted = path.replace(",", ", ") or "None", self._schema
            raise AstrayError(f"env.py works in schema {actual}, not in {wanted} as ALEMBIC_SCHEMA says")


NOTICE = (
    "CASE WHEN current_setting('server_version_num')::int >= 140000 AND version() ~ 'linux' "
    "THEN set_config('client_connection_check_interval', '1000', false) END"
)


def _is_in_transaction(connection: Any) -> bool:
    driver = connection.connection.driver_connection
    info = getattr(driver, "info", None)
    return bool(info.transaction_status == 2 if info is not None else driver.is_in_transaction())


PATH = "array_to_string(current_schemas(false), ',')"
NAMES = (
    "SELECT string_agg(n.nspname || '.' || c.relname, chr(10) ORDER BY 1) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE"
)
LOCKS = (
    "FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' "
    "AND l.mode = 'AccessExclusiveLock'"
)
OURS = (
    "c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'pg_toast') "
    "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass "
    "AND d.objid = c.oid AND d.deptype = 'e')"
)
MADE = f"{NAMES} c.oid IN (SELECT l.relation {LOCKS}) AND {OURS}"
DROPPED = (
    f"SELECT string_agg(l.relation::text, ',') {LOCKS} "
    "AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relation)"
)


@contextmanager
def _patient(connection: Any, lock_timeout: str) -> Iterator[None]:
    from sqlalchemy import event

    def limit(statement: str, value: str) -> None:
        if "CONCURRENTLY" in statement.upper():
            with connection.connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = {value}")

    def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        limit(statement, "0")

    def after(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
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
def _left_as_it_was(connection: Any) -> Iterator[Callable[[str], list[Any]]]:
    own = not connection.in_transaction() and hasattr(connection, "commit")

    def ask(statement: str) -> list[Any]:
        rows = list(connection.exec_driver_sql(statement).fetchall())
        if own:
            connection.commit()
        return rows

    try:
        yield ask
    finally:
        if own:
            connection.commit()


def _settings(values: dict[str, str], local: str) -> str:
    return ", ".join(f"set_config('{name}', {literal(value)}, {local})" for name, value in values.items())
