"""Turns the connections of SQLAlchemy and of drivers into ones that can be asked and limited beside env.py."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .session import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUMBER = "pg_current_xact_id()::text"
PATH = "array_to_string(current_schemas(false), ',')"
#: The server notices within a second that this process was killed. Other systems than Linux may refuse the setting.
NOTICE = (
    "CASE WHEN current_setting('server_version_num')::int >= 140000 AND version() ~ 'linux' "
    "THEN set_config('client_connection_check_interval', '1000', false) END"
)


def find_by_name(dialect: Any, table: str, schema: str) -> None:
    """Let Alembic find its version table by its name: SQLAlchemy's question visits those of all schemas."""
    general = type(dialect)
    found = f"SELECT to_regclass({literal(f'{quoted(schema)}.{quoted(table)}')}) IS NOT NULL"

    def has_table(connection: Any, name: str, schema_name: str | None = None, **given: Any) -> bool:
        if (name, given.get("schema", schema_name)) == (table, schema):
            return bool(connection.exec_driver_sql(found).scalar())
        place = given.pop("schema", schema_name)
        return bool(general.has_table(dialect, connection, name, place, **given))

    def has_multi_table(connection: Any, names: Any, schema: str | None = None, **given: Any) -> Any:
        if len(names) == 1:
            return {(schema, names[0]): has_table(connection, names[0], schema, **given)}.items()
        return general.has_multi_table(dialect, connection, names, schema=schema, **given)

    dialect.has_table, dialect.has_multi_table = has_table, has_multi_table


def is_in_transaction(connection: Any) -> bool:
    """Whether the server is in a transaction, whatever SQLAlchemy believes."""
    driver = connection.connection.driver_connection
    info = getattr(driver, "info", None)  # psycopg and psycopg2 ask libpq, where 2 is "idle in a transaction"
    return bool(info.transaction_status == 2 if info is not None else driver.is_in_transaction())


@contextmanager
def patient(connection: Any, lock_timeout: str) -> Iterator[None]:
    """Without lock_timeout for what is done CONCURRENTLY: that blocks nobody, and would leave a ruin."""
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
def left_as_it_was(connection: Any) -> Iterator[Callable[[str], list[Any]]]:
    """A way to ask; without a transaction of env.py's our questions begin one, and end it."""
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


def settings(values: dict[str, str], local: str) -> str:
    """The columns of a SELECT that sets these, until the transaction's end where `local` is true."""
    return ", ".join(f"set_config('{name}', {literal(value)}, {local})" for name, value in values.items())
