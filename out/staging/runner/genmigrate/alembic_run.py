"""Turns a schema behind its head into one at it, by Alembic in this process through the service's own env.py."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genmigrate.codes import RunError
from genmigrate.output import one_line
from genmigrate.session import sqlstate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from genmigrate.history import History
    from genmigrate.plan import Plan, Service, Target
    from genmigrate.url import DatabaseUrl


class RevisionError(Exception):
    """A revision, or env.py around it (`revision` is None), raised: the reason in one line and the place."""

    def __init__(self, revision: str | None, reason: str, place: str) -> None:
        super().__init__(reason)
        self.revision = revision
        self.reason = reason
        self.place = place


class WrongSchemaError(Exception):
    """env.py works in another schema, or with another version table, than the plan says."""


@contextmanager
def _in_schema(schema: str) -> Iterator[None]:
    """ALEMBIC_SCHEMA for env.py; sys.path and the variable are put back afterwards."""
    path = list(sys.path)
    os.environ["ALEMBIC_SCHEMA"] = schema
    try:
        yield
    finally:
        os.environ.pop("ALEMBIC_SCHEMA", None)
        sys.path[:] = path


def upgrade(
    plan: Plan,
    service: Service,
    target: Target,
    history: History,
    url: DatabaseUrl,
    check: Callable[[], None],
) -> list[str]:
    """Apply what is pending in one schema, each revision in a transaction of its own.

    Returns the ids of the applied revisions in order. Raises RevisionError, or the RunError that `check`, called
    before each revision, raises. The working directory must be the service's folder.
    """
    applied: list[str] = []
    running: list[str] = []

    def guarded(step: Any, context: Any) -> Any:
        original = step.migration_fn

        def migrate(**arguments: Any) -> None:
            check()
            running.append(step.revision.revision)
            _confine(context, target.schema, plan)
            original(**arguments)
            _expect(context, target.schema)

        step.migration_fn = migrate
        return step

    def observed(**event: Any) -> None:
        applied.append(str(event["step"].up_revision_id))

    def options(given: dict[str, Any]) -> None:
        given["transaction_per_migration"] = True
        given["on_version_apply"] = (*_tuple(given.get("on_version_apply")), observed)
        _agree(given, "version_table", service.version_table)
        _agree(given, "version_table_schema", target.version_schema)

    try:
        with _in_schema(target.schema):
            _run(service, history.head, guarded, options, {})
    except RunError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a revision may raise anything
        check()  # an error that our own cancelling caused is not the migration's
        raise RevisionError(
            running[-1] if running else None, url.hide(_reason(error)), _place(error)
        ) from None
    return applied


def render(
    service: Service, target: Target, history: History, start: str | None, url: DatabaseUrl
) -> tuple[str, list[tuple[str, str]]]:
    """The SQL from revision `start` (None: nothing) to the head, as env.py's offline mode spells it.

    Returns the SQL and, for each revision that cannot be rendered without a database, its id and the reason; such
    a revision leaves a comment where its statements would be. Raises RevisionError when env.py itself fails.
    """
    buffer = StringIO()
    holes: list[tuple[str, str]] = []

    def guarded(step: Any, context: Any) -> Any:
        original = step.migration_fn

        def migrate(**arguments: Any) -> None:
            start_of_step = buffer.tell()
            try:
                original(**arguments)
            except Exception as error:  # noqa: BLE001 - a revision may raise anything
                buffer.seek(start_of_step)
                buffer.truncate()
                reason = url.hide(_reason(error))
                holes.append((step.revision.revision, reason))
                name = history.slug(step.revision.revision)
                buffer.write(f"-- {name} cannot be rendered offline: {reason}\n{_refusal(name)}\n\n")

        step.migration_fn = migrate
        return step

    def options(given: dict[str, Any]) -> None:
        given["transaction_per_migration"] = True

    try:
        with _in_schema(target.schema):
            _run(service, history.head, guarded, options, {"as_sql": True, "starting_rev": start}, buffer)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a revision may raise anything
        raise RevisionError(None, url.hide(_reason(error)), _place(error)) from None
    return buffer.getvalue(), holes


def _run(
    service: Service,
    head: str | None,
    guarded: Callable[[Any, Any], Any],
    options: Callable[[dict[str, Any]], None],
    mode: dict[str, Any],
    buffer: StringIO | None = None,
) -> None:
    """What `alembic upgrade HEAD` does, with each step handed to `guarded` and env.py's options to `options`.

    The script directory is read anew for each schema: a revision file may well read ALEMBIC_SCHEMA while it is
    imported.
    """
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config(Path.cwd() / service.config, output_buffer=buffer)
    script = ScriptDirectory.from_config(config)

    def steps(revision: Any, context: Any) -> Iterable[Any]:
        for step in script._upgrade_revs(head or "heads", revision):
            yield guarded(step, context)

    environment = EnvironmentContext(config, script, fn=steps, destination_rev=head, **mode)
    configure = environment.configure

    def configure_with_options(*positional: Any, **given: Any) -> None:
        options(given)
        configure(*positional, **given)

    environment.__dict__["configure"] = configure_with_options  # for this run; env.py calls it
    with environment:
        script.run_env()


def _agree(given: dict[str, Any], option: str, planned: str) -> None:
    """Fill an option of env.py's from the plan; where env.py names it itself, both must say the same.

    Explicit even where env.py relies on search_path: a version table found in another schema would be believed.
    """
    if given.get(option) not in (None, planned):
        raise WrongSchemaError(f"env.py sets {option} to {given[option]}, the plan says {planned}")
    given[option] = planned


def _refusal(name: str) -> str:
    """SQL in a missing revision's place: whoever runs it anyway must not record that revision as applied."""
    spelt = "".join(sign for sign in name if sign.isalnum() or sign in "_-. ")
    return f"DO $$ BEGIN RAISE EXCEPTION 'revision {spelt} has to be applied by Alembic'; END $$;"


def _tuple(value: Any) -> tuple[Any, ...]:
    return () if value is None else tuple(value) if isinstance(value, (list, tuple, set)) else (value,)


def _confine(context: Any, schema: str, plan: Plan) -> None:
    """Before a revision, inside its transaction: the plan's limits hold, and it will work in its own schema."""
    limits = (("lock_timeout", plan.lock_timeout_ms), ("statement_timeout", plan.statement_timeout_ms))
    for name, value in limits:
        context.connection.exec_driver_sql(f"SELECT set_config('{name}', '{value}', true)")
    _expect(context, schema)


def _expect(context: Any, schema: str) -> None:
    actual = context.connection.exec_driver_sql("SELECT current_schema()").scalar()
    if actual != schema:
        raise WrongSchemaError(f"env.py works in schema {actual}, not in {schema} as ALEMBIC_SCHEMA says")


def _reason(error: BaseException) -> str:
    """The first line of the database's own message with its SQLSTATE, or the exception's type and first line."""
    original = getattr(error, "orig", None) or error
    code = sqlstate(original)
    if code:
        message = getattr(getattr(original, "diag", None), "message_primary", None) or original
        return f"{one_line(message)} (SQLSTATE {code})"
    if isinstance(original, WrongSchemaError):
        return one_line(original)
    text = one_line(original)
    name = type(original).__name__
    return name if text == name else f"{name}: {text}"


def _place(error: BaseException) -> str:
    """The innermost line of the service's own code, relative to its folder."""
    here = Path.cwd()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if here in file.parents and "site-packages" not in file.parts:
            return f"{file.relative_to(here)} line {frame.lineno}"
    return ""
