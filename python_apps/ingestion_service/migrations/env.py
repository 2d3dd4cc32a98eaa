"""Turns ALEMBIC_SCHEMA and the service's database URL into one Alembic run inside exactly that schema."""

from logging.config import fileConfig
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from ingestion_service import models as models  # fills SQLModel.metadata
from ingestion_service import settings

VERSION_TABLE = "alembic_version"


def migrated_schema() -> str:
    """ALEMBIC_SCHEMA, or the schema that all tenants share when it is unset."""
    return settings.checked_schema(
        settings.variable("ALEMBIC_SCHEMA", settings.SHARED_SCHEMA), "ALEMBIC_SCHEMA"
    )


def include_name(name: str | None, type_: str, parents: object) -> bool:
    """Hides the version table: it is found in the default schema and belongs to no model."""
    return not (type_ == "table" and name == VERSION_TABLE)


def render_item(type_: str, item: object, autogen_context: object) -> str | Literal[False]:
    """Spells SQLModel's string type as SQLAlchemy's, so that a revision needs no other import."""
    if type_ == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


def options(schema: str) -> dict[str, Any]:
    """What online and offline runs have in common."""
    return {
        "target_metadata": SQLModel.metadata,
        "version_table": VERSION_TABLE,
        "version_table_schema": schema,
        # One run sees one schema: the default one, which is `schema` by then.
        "include_schemas": False,
        "include_name": include_name,
        "render_item": render_item,
        "compare_type": True,
        "compare_server_default": True,
        # What was applied before a failing revision stays applied.
        "transaction_per_migration": True,
    }


def run_offline(schema: str) -> None:
    """Prints the SQL (`alembic upgrade --sql`); needs no database."""
    context.configure(dialect_name="postgresql", literal_binds=True, **options(schema))
    quoted = postgresql.dialect().identifier_preparer.quote(schema)  # type: ignore[no-untyped-call]
    with context.begin_transaction():
        context.execute(f"SET search_path TO {quoted}")
        context.run_migrations()


def connect() -> sa.Connection:
    """One connection of its own; CommandError, which Alembic prints as one line, if there is none."""
    url = settings.database_url()
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"connect_timeout": 10})
    try:
        return engine.connect()
    except sa.exc.OperationalError as error:
        raise CommandError(f"cannot connect to {url.render_as_string()}: {error.orig}".strip()) from error


def run_online(schema: str) -> None:
    """Runs the command in `schema`, which must exist: the runner creates schemas, this file never does."""
    with connect() as connection:
        path = sa.text("SELECT set_config('search_path', quote_ident(:schema), false)")
        connection.execute(path, {"schema": schema})
        # A search_path to a missing schema is no error in PostgreSQL, so ask where we are.
        found = connection.scalar(sa.text("SELECT current_schema()"))
        # Without this commit the first rollback would take the search_path back.
        connection.commit()
        if found != schema:
            raise CommandError(
                f"no schema {schema} in database {connection.engine.url.database}, or no right to use it; "
                f"`{settings.MIGRATE_COMMAND}` in the repository's root creates every schema"
            )
        connection.dialect.default_schema_name = schema
        context.configure(connection=connection, **options(schema))
        with context.begin_transaction():
            context.run_migrations()


def main() -> None:
    """Runs the command that Alembic was called with."""
    config = context.config
    if config.cmd_opts is not None and config.config_file_name is not None:
        # On Alembic's own command line only: a program that calls Alembic keeps its logging.
        fileConfig(config.config_file_name, disable_existing_loggers=False)
    try:
        schema = migrated_schema()
        if context.is_offline_mode():
            run_offline(schema)
        else:
            run_online(schema)
    except settings.SettingsError as error:
        raise CommandError(str(error)) from error


main()
