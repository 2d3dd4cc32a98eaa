"""Turns Settings into the HTTP application: health of every tenant, and the workflows of each."""

import hmac
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session, select

from workflow_engine import db
from workflow_engine.models import NewWorkflow, Run, Workflow
from workflow_engine.settings import API_KEY, MIGRATE_COMMAND, Settings, load_settings

# Uvicorn's own logger: it is configured before the application is made, in a reloaded child too.
log = logging.getLogger("uvicorn.error")
HELP = {
    db.MISSING_TABLES: f"tables are missing: run `{MIGRATE_COMMAND}` in the repository's root",
    db.UNREACHABLE: "the database cannot be reached: see WORKFLOW_DATABASE_URL",
}
# SQLSTATE → what the caller is told: https://www.postgresql.org/docs/current/errcodes-appendix.html
ANSWERS = {
    "23505": (409, "this workflow exists already"),
    "42P01": (503, HELP[db.MISSING_TABLES]),
    "42703": (503, HELP[db.MISSING_TABLES]),
}
router = APIRouter()


def check_api_key(request: Request, x_api_key: Annotated[str, Header()] = "") -> None:
    """Lets a request with the right X-API-Key through; 401 otherwise, 503 if the service has no key."""
    expected = request.app.state.settings.api_key
    if not expected:
        raise HTTPException(503, f"{API_KEY} is not set: set it in .env and start the service again")
    if not hmac.compare_digest(x_api_key.encode(), expected.encode()):
        raise HTTPException(401, "the X-API-Key header is missing or wrong")


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


@router.post("/{tenant}/workflows", status_code=201, dependencies=[Depends(check_api_key)])
def add_workflow(body: NewWorkflow, session: TenantSession) -> Workflow:
    """Writes one workflow with its first run and gives it back as stored."""
    workflow = Workflow(**body.model_dump(), step_count=len(body.steps))
    session.add(workflow)
    session.flush()
    session.add(Run.model_validate({"workflow_id": workflow.id}))
    session.commit()
    session.refresh(workflow)
    return workflow


@router.get("/{tenant}/workflows", dependencies=[Depends(check_api_key)])
def list_workflows(session: TenantSession) -> Sequence[Workflow]:
    """The newest hundred workflows of one tenant."""
    return session.exec(select(Workflow).order_by(sa.desc("id")).limit(100)).all()


def answer_database_error(request: Request, error: Exception) -> JSONResponse:
    """Says in one line what the database refused; anything unforeseen is raised again and logged whole."""
    code = getattr(getattr(error, "orig", None), "pgcode", None)
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
    if not app.state.settings.api_key:
        log.warning("%s is not set: /TENANT/workflows answers 503 until it is", API_KEY)
    yield
    app.state.engine.dispose()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; reads the environment unless `settings` are given."""
    app = FastAPI(title="workflow-engine", lifespan=lifespan)
    app.state.settings = settings or load_settings()
    app.state.engine = db.make_engine(app.state.settings.database_url)
    app.include_router(router)
    app.add_exception_handler(sa.exc.DBAPIError, answer_database_error)
    return app
