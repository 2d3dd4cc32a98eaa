"""Turns Settings into the HTTP application: health of every tenant, and the users of each."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session, select

from auth_api import db
from auth_api.models import NewUser, User
from auth_api.settings import MIGRATE_COMMAND, Settings, load_settings

# Uvicorn's own logger: it is configured before the application is made, in a reloaded child too.
log = logging.getLogger("uvicorn.error")
HELP = {
    db.MISSING_TABLES: f"tables are missing: run `{MIGRATE_COMMAND}` in the repository's root",
    db.UNREACHABLE: "the database cannot be reached: see AUTH_DATABASE_URL",
}
# SQLSTATE → what the caller is told: https://www.postgresql.org/docs/current/errcodes-appendix.html
ANSWERS = {
    "23505": (409, "this user exists already"),
    "23503": (422, "this role does not exist"),
    "42P01": (503, HELP[db.MISSING_TABLES]),
    "42703": (503, HELP[db.MISSING_TABLES]),
}
router = APIRouter(prefix="/api")


def open_session(tenant: str, request: Request) -> Iterator[Session]:
    """A session of the tenant in the path; 404 if this environment has no such tenant."""
    if tenant not in request.app.state.settings.tenants:
        raise HTTPException(404, f"unknown tenant {tenant!r}")
    with db.tenant_session(request.app.state.engine, tenant) as session:
        yield session


TenantSession = Annotated[Session, Depends(open_session)]


@router.get("/health")
def health(request: Request) -> JSONResponse:
    """200 if every tenant of the environment has its tables, 503 and the way out otherwise."""
    states = db.tenant_states(request.app.state.engine, request.app.state.settings.tenants)
    worst = next((state for state in HELP if state in states.values()), db.OK)
    body: dict[str, object] = {"status": worst, "tenants": states}
    if worst == db.OK:
        return JSONResponse(body)
    return JSONResponse({**body, "help": HELP[worst]}, status_code=503)


@router.post("/{tenant}/users", status_code=201)
def add_user(body: NewUser, session: TenantSession) -> User:
    """Writes one user and gives it back as stored."""
    user = User.model_validate(body)
    session.add(user)
    session.commit()
    session.refresh(user)
    return user


@router.get("/{tenant}/users")
def list_users(session: TenantSession) -> Sequence[User]:
    """The newest hundred users of one tenant."""
    return session.exec(select(User).order_by(sa.desc("id")).limit(100)).all()


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
    states = db.tenant_states(app.state.engine, app.state.settings.tenants)
    for state, way_out in HELP.items():
        if affected := [tenant for tenant, found in states.items() if found == state]:
            log.error("%s (tenants: %s)", way_out, ", ".join(affected))
    yield
    app.state.engine.dispose()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; reads the environment unless `settings` are given."""
    app = FastAPI(title="auth-api", lifespan=lifespan)
    app.state.settings = settings or load_settings()
    app.state.engine = db.make_engine(app.state.settings.database_url)
    app.include_router(router)
    app.add_exception_handler(sa.exc.DBAPIError, answer_database_error)
    return app
