"""Turns the database URL into an engine, sessions on the shared schema, and each tenant's state."""

import logging
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from ingestion_service import models as models  # fills SQLModel.metadata
from ingestion_service.settings import SHARED_SCHEMA

log = logging.getLogger("uvicorn.error")
OK = "ok"
MISSING_TABLES = "missing-tables"
UNREACHABLE = "unreachable"


def make_engine(url: sa.URL) -> AsyncEngine:
    """A pool that survives a restart of the database and gives up on a dead one after three seconds."""
    return create_async_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 3})


def open_session(engine: AsyncEngine) -> AsyncSession:
    """A session whose every transaction sees the shared schema, not one named like the database's user."""
    session = AsyncSession(engine)
    path = sa.text("SELECT set_config('search_path', quote_ident(:schema), true)")

    @sa.event.listens_for(session.sync_session, "after_begin")
    def set_search_path(_: Session, __: SessionTransaction, connection: sa.Connection) -> None:
        connection.execute(path, {"schema": SHARED_SCHEMA})

    return session


async def tenant_states(engine: AsyncEngine, tenants: Sequence[str]) -> dict[str, str]:
    """Each tenant's state, the same for all of them: `ok`, `missing-tables` or `unreachable`."""
    wanted = set(SQLModel.metadata.tables)
    query = sa.text("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = :schema")
    try:
        async with engine.connect() as connection:
            tables = set((await connection.execute(query, {"schema": SHARED_SCHEMA})).scalars())
    except sa.exc.DBAPIError as error:
        log.warning("no answer from the database: %s", str(error.orig).partition("\n")[0])
        return dict.fromkeys(tenants, UNREACHABLE)
    return dict.fromkeys(tenants, OK if wanted <= tables else MISSING_TABLES)
