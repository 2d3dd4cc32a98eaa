"""Turns Settings into the HTTP application: health of every tenant, and the documents of each."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from ingestion_service import db
from ingestion_service.models import Document, NewDocument
from ingestion_service.settings import MIGRATE_COMMAND, Settings, load_settings

# Uvicorn's own logger: it is configured before the application is made, in a reloaded child too.
log = logging.getLogger("uvicorn.error")
HELP = {
    db.MISSING_TABLES: f"tables are missing: run `{MIGRATE_COMMAND}` in the repository's root",
    db.UNREACHABLE: "the database cannot be reached: see INGESTION_DATABASE_URL",
}
# SQLSTATE → what the caller is told: https://www.postgresql.org/docs/current/errcodes-appendix.html
ANSWERS = {
    "42P01": (503, HELP[db.MISSING_TABLES]),
    "42703": (503, HELP[db.MISSING_TABLES]),
}
router = APIRouter()


def known_tenant(tenant: str, request: Request) -> str:
    """The tenant in the path; 404 if this environment has no such tenant."""
    if tenant not in request.app.state.settings.tenants:
        raise HTTPException(404, f"unknown tenant {tenant!r}")
    return tenant


async def open_session(request: Request) -> AsyncIterator[AsyncSession]:
    """A session on the shared schema for one request."""
    async with db.open_session(request.app.state.engine) as session:
        yield session


Tenant = Annotated[str, Depends(known_tenant)]
SharedSession = Annotated[AsyncSession, Depends(open_session)]


@router.get("/health")
async def health(request: Request) -> JSONResponse:
    """200 if every tenant of the environment has its tables, 503 and the way out otherwise."""
    states = await db.tenant_states(request.app.state.engine, request.app.state.settings.tenants)
    worst = next((state for state in HELP if state in states.values()), db.OK)
    body: dict[str, object] = {"status": worst, "tenants": states}
    if worst == db.OK:
        return JSONResponse(body)
    return JSONResponse({**body, "help": HELP[worst]}, status_code=503)


@router.post("/{tenant}/documents", status_code=201)
async def add_document(body: NewDocument, tenant: Tenant, session: SharedSession) -> Document:
    """Writes one document and gives it back as stored."""
    document = Document(**body.model_dump(), tenant=tenant, word_count=len(body.content.split()))
    session.add(document)
    await session.commit()
    await session.refresh(document)
    return document


@router.get("/{tenant}/documents")
async def list_documents(tenant: Tenant, session: SharedSession) -> Sequence[Document]:
    """The newest hundred documents of one tenant."""
    newest = select(Document).where(Document.tenant == tenant).order_by(sa.desc("created_at")).limit(100)
    return (await session.exec(newest)).all()


def answer_database_error(request: Request, error: Exception) -> JSONResponse:
    """Says in one line what the database refused; anything unforeseen is raised again and logged whole."""
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    if code in ANSWERS:
        status, detail = ANSWERS[code]
        return JSONResponse({"detail": detail}, status_code=status)
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return JSONResponse({"detail": HELP[db.UNREACHABLE]}, status_code=503)
    raise error


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Says at the start which tenants cannot be served and what to do; the service starts all the same."""
    states = await db.tenant_states(app.state.engine, app.state.settings.tenants)
    for state, way_out in HELP.items():
        if affected := [tenant for tenant, found in states.items() if found == state]:
            log.error("%s (tenants: %s)", way_out, ", ".join(affected))
    yield
    await app.state.engine.dispose()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; reads the environment unless `settings` are given."""
    app = FastAPI(title="ingestion-service", lifespan=lifespan)
    app.state.settings = settings or load_settings()
    app.state.engine = db.make_engine(app.state.settings.database_url)
    app.include_router(router)
    app.add_exception_handler(sa.exc.DBAPIError, answer_database_error)
    return app
