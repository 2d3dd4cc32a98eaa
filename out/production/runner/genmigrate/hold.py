"""Turns the connection that env.py opened into one of this run: locked, limited, known, supervised."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from genmigrate.codes import RunError
from genmigrate.lock import acquire, key_of, matching
from genmigrate.session import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genmigrate.job import Job
    from genmigrate.plan import Target
    from genmigrate.session import Session


class AstrayError(Exception):
    """env.py works elsewhere, or otherwise, than the plan says."""


class Hold:
    """What ties the connection of one schema's env.py to this run.

    The schema's lock belongs to the runner's own session, which is gone as soon as this process is killed, while
    the server may go on with a statement of env.py's session. So that session holds a second lock.
    """

    def __init__(self, job: Job, target: Target, session: Session) -> None:
        self._job = job
        self._target = target
        self._session = session
        self._runner = int(session.rows("SELECT pg_backend_pid()")[0][0])
        self._key = key_of(f"statements in {target.schema}")
        self.halved = False

    def take(self, context: Any) -> None:
        """As soon as env.py has named its connection, before Alembic writes anything.

        Raises AstrayError, or RunError("locked") when statements of a killed run are still being executed.
        """
        connection = context.connection
        if connection is None:
            return
        own = not connection.in_transaction()  # then our questions begin one, and end it

        def ask(statement: str) -> list[Any]:
            rows = list(connection.exec_driver_sql(statement).fetchall())
            if own and hasattr(connection, "commit"):
                connection.commit()
            return rows

        try:
            self.check(context)
        finally:
            if own and hasattr(connection, "commit"):
                connection.commit()
        self._settle(context, ask)

    def _settle(self, context: Any, ask: Any) -> None:
        job = self._job
        job.backend = int(ask("SELECT pg_backend_pid()")[0][0])
        for name, value in (("application_name", job.application), *self._limits()):
            ask(f"SELECT set_config('{name}', {literal(value)}, false)")
        # The server notices within a second that this process was killed. Other systems than Linux may refuse it.
        ask(
            "SELECT set_config('client_connection_check_interval', '1000', false) "
            "WHERE current_setting('server_version_num')::int >= 140000 AND version() ~ 'linux'"
        )
        acquire(ask, self._key, self._target.schema, job.patience_s, job.watch.check)
        block = context.autocommit_block

        @contextmanager
        def noted() -> Iterator[None]:
            self.halved = True
            with block():
                yield

        context.autocommit_block = noted

    def release(self, context: Any) -> None:
        """Env.py's engine may keep its connection: give the second lock back."""
        self._job.backend = 0
        if context.connection is not None:
            own = not context.connection.in_transaction()
            context.connection.exec_driver_sql(f"SELECT pg_advisory_unlock({self._key})").fetchall()
            if own and hasattr(context.connection, "commit"):
                context.connection.commit()

    def _limits(self) -> tuple[tuple[str, str], ...]:
        plan = self._job.plan
        return (
            ("lock_timeout", str(plan.lock_timeout_ms)),
            ("statement_timeout", str(plan.statement_timeout_ms)),
        )

    def confine(self, context: Any) -> None:
        """Before a revision, inside its transaction: lock and limits hold, and it will work in its own schema."""
        self.halved = False
        self.check(context)
        for name, value in self._limits():
            context.connection.exec_driver_sql(f"SELECT set_config('{name}', '{value}', true)")
        context.connection.exec_driver_sql("SELECT set_config('genmigrate.step', 'begun', true)")
        if (
            context.connection.exec_driver_sql("SELECT current_setting('genmigrate.step', true)").scalar()
            != "begun"
        ):
            raise AstrayError(
                "env.py's connection commits each statement (AUTOCOMMIT): a revision needs a transaction"
            )
        self.expect(context)

    def check(self, context: Any) -> None:
        """That env.py's connection sees the runner's own lock: it is there, and in this database."""
        schema = self._target.schema
        lock = f"{matching(key_of(schema))} AND l.pid = {self._runner}"
        seen = f"SELECT current_database(), (SELECT count(*) FROM {lock})"
        database, count = context.connection.exec_driver_sql(seen).fetchone()
        if count:
            return
        try:
            mine = self._session.rows(seen)[0][1]
        except self._session.errors:
            mine = 0
        if not mine:
            reason = f"the session that holds the lock of {schema} was cut"
            raise RunError("unreachable", reason, "run again, it goes on from the last whole revision")
        raise AstrayError(
            f"env.py is connected to database {database} of another place than {self._job.service.url_env} names"
        )

    def expect(self, context: Any) -> None:
        """That unqualified names mean the plan's schema and no other."""
        schema = self._target.schema
        found = (
            context.connection.exec_driver_sql("SELECT unnest(current_schemas(false))::text").scalars().all()
        )
        if found != [schema]:
            actual = ", ".join(found) or "None"
            raise AstrayError(f"env.py works in schema {actual}, not in {schema} as ALEMBIC_SCHEMA says")
