"""Turns the database URL into an engine, sessions that see one tenant, and each tenant's state."""

import logging
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session, SQLModel

from workflow_engine import models as models  # fills SQLModel.metadata
from workflow_engine.settings import schema_of

log = logging.getLogger("uvicorn.error")
OK = "ok"
MISSING_TABLES = "missing-tables"
UNREACHABLE = "unreachable"


def make_engine(url: sa.URL) -> sa.Engine:
    """A pool that survives a restart of the database and gives up on a dead one after three seconds."""
    return sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 3})


def tenant_session(engine: sa.Engine, tenant: str) -> Session:
    """A session whose every transaction sees the tables of one tenant and nothing else."""
    session = Session(engine)
    path = sa.text("SELECT set_config('search_path', quote_ident(:schema), true)")
    schema = schema_of(tenant)

    # Local to the transaction: a pooled connection never carries one tenant's path to another request.
    @sa.event.listens_for(session, "after_begin")
    def set_search_path(_: Session, __: SessionTransaction, connection: sa.Connection) -> None:
        connection.execute(path, {"schema": schema})

    return session


def tenant_states(engine: sa.Engine, tenants: Sequence[str]) -> dict[str, str]:
    """Each tenant's state: `ok`, `missing-tables`, or `unreachable` for all of them."""
    wanted = set(SQLModel.metadata.tables)
    query = sa.text("SELECT schemaname, tablename FROM pg_catalog.pg_tables WHERE schemaname = ANY(:schemas)")
    try:
        with engine.connect() as connection:
            rows = connection.execute(query, {"schemas": [schema_of(tenant) for tenant in tenants]}).all()
    except sa.exc.DBAPIError as error:
        log.warning("no answer from the database: %s", str(error.orig).partition("\n")[0])
        return dict.fromkeys(tenants, UNREACHABLE)
    tables = {(schema, table) for schema, table in rows}
    return {
        tenant: OK if all((schema_of(tenant), table) in tables for table in wanted) else MISSING_TABLES
        for tenant in tenants
    }
