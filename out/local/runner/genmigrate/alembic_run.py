"""Turns a schema behind its head into one at it, by Alembic in this process through the service's own env.py."""

from __future__ import annotations

import traceback
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genmigrate.codes import RunError
from genmigrate.fresh import in_schema
from genmigrate.hold import AstrayError, Hold
from genmigrate.output import one_line
from genmigrate.session import sqlstate, word_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from genmigrate.history import History
    from genmigrate.job import Job
    from genmigrate.plan import Service, Target
    from genmigrate.session import Session
    from genmigrate.url import DatabaseUrl


class RevisionError(Exception):
    """A revision, or env.py around it (`revision` is None), raised: the reason in one line and the place."""

    def __init__(self, revision: str | None, reason: str, place: str, word: str = "failed") -> None:
        super().__init__(reason)
        self.revision = revision
        self.reason = reason
        self.place = place
        self.word = word
        self.halved = False


def upgrade(job: Job, target: Target, history: History, url: DatabaseUrl, session: Session) -> list[str]:
    """Apply what is pending in one schema, each revision in a transaction of its own.

    `session` holds the schema's lock. Returns the ids of the applied revisions in order. Raises RevisionError, or
    RunError when the work was stopped or cut. The working directory must be the service's folder.
    """
    hold = Hold(job, target, session)
    applied: list[str] = []
    running: list[str] = []

    def guarded(step: Any, context: Any) -> Any:
        original = step.migration_fn

        def migrate(**arguments: Any) -> None:
            job.watch.check()
            running.append(step.revision.revision)
            job.working_at = (target.label, history.slug(running[-1]))
            hold.confine(context)
            original(**arguments)
            hold.expect(context)

        step.migration_fn = migrate
        return step

    def observed(**event: Any) -> None:
        applied.append(str(event["step"].up_revision_id))

    def options(given: dict[str, Any]) -> None:
        given["transaction_per_migration"] = True
        given["on_version_apply"] = (*_tuple(given.get("on_version_apply")), observed)
        _agree(given, "version_table", job.service.version_table)
        _agree(given, "version_table_schema", target.version_schema)

    job.working_at = (target.label, "env.py")
    try:
        with in_schema(target.schema):
            _run(job.service, history.head, guarded, options, {}, hold=hold)
    except RunError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a revision may raise anything
        job.watch.check()  # an error that our own cancelling caused is not the migration's
        raised = RevisionError(
            running[-1] if running else None,
            url.hide(_reason(error)),
            _place(error),
            _word(error, hold, session),
        )
        raised.halved = hold.halved
        raise raised from None
    finally:
        job.backend = 0
    job.working_at = ("", "")
    return applied


def _word(error: BaseException, hold: Hold, session: Session) -> str:
    """`failed`, or what a refusal by the database means; after an autocommit block a retry would cure nothing."""
    if session.lost():
        return "unreachable"
    return "failed" if hold.halved else word_of(getattr(error, "orig", None) or error) or "failed"


def render(
    service: Service, target: Target, history: History, start: tuple[str, ...], url: DatabaseUrl
) -> tuple[str, tuple[str, str] | None, list[str]]:
    """The SQL from the revisions `start` to the head, as env.py's offline mode spells it.

    Returns the SQL, the id of the first revision that cannot be rendered without a database with the reason, and
    the ids of those behind it; the SQL ends at that revision, with a statement that fails in its place. Raises
    RevisionError when env.py itself fails.
    """
    buffer = StringIO()
    holes: list[tuple[str, str]] = []
    left: list[str] = []
    end: list[int] = []

    def guarded(step: Any, context: Any) -> Any:
        original = step.migration_fn

        def migrate(**arguments: Any) -> None:
            if holes:
                left.append(step.revision.revision)
                return
            start_of_step = buffer.tell()
            try:
                original(**arguments)
            except Exception as error:  # noqa: BLE001 - a revision may raise anything
                buffer.seek(start_of_step)
                buffer.truncate()
                reason = url.hide(_reason(error))
                holes.append((step.revision.revision, reason))
                name = history.slug(step.revision.revision)
                buffer.write(
                    f"-- {name} cannot be rendered offline: {reason}\n{_refusal(name)}\n\nROLLBACK;\n"
                )
                end.append(buffer.tell())

        step.migration_fn = migrate
        return step

    def options(given: dict[str, Any]) -> None:
        given["transaction_per_migration"] = True
        _agree(given, "version_table", service.version_table)
        _agree(given, "version_table_schema", target.version_schema)

    try:
        with in_schema(target.schema):
            _run(
                service,
                history.head,
                guarded,
                options,
                {"as_sql": True, "starting_rev": list(start) or None},
                buffer,
            )
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a revision may raise anything
        raise RevisionError(None, url.hide(_reason(error)), _place(error)) from None
    return buffer.getvalue()[: end[0] if end else None], holes[0] if holes else None, left


def _run(
    service: Service,
    head: str | None,
    guarded: Callable[[Any, Any], Any],
    options: Callable[[dict[str, Any]], None],
    mode: dict[str, Any],
    buffer: StringIO | None = None,
    hold: Hold | None = None,
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
        if hold is not None:
            hold.take(environment.get_context())

    def run_migrations(**arguments: Any) -> None:
        run(**arguments)
        if hold is not None:
            hold.release(environment.get_context())

    run = environment.run_migrations
    # For this run; env.py calls them.
    environment.__dict__.update(configure=configure_with_options, run_migrations=run_migrations)
    with environment:
        script.run_env()


def _agree(given: dict[str, Any], option: str, planned: str) -> None:
    """Fill an option of env.py's from the plan; where env.py names it itself, both must say the same.

    Explicit even where env.py relies on search_path: a version table found in another schema would be believed.
    """
    if given.get(option) not in (None, planned):
        raise AstrayError(f"env.py sets {option} to {given[option]}, the plan says {planned}")
    given[option] = planned


def _refusal(name: str) -> str:
    """SQL in a missing revision's place: whoever runs it anyway must not record that revision as applied."""
    spelt = "".join(sign for sign in name if sign.isalnum() or sign in "_-. ")
    return f"DO $$ BEGIN RAISE EXCEPTION 'revision {spelt} has to be applied by Alembic'; END $$;"


def _tuple(value: Any) -> tuple[Any, ...]:
    return () if value is None else tuple(value) if isinstance(value, (list, tuple, set)) else (value,)


def _reason(error: BaseException) -> str:
    """The first line of the database's own message with its SQLSTATE, or the exception's type and first line."""
    original = getattr(error, "orig", None) or error
    code = sqlstate(original)
    if code:
        message = getattr(getattr(original, "diag", None), "message_primary", None) or original
        return f"{one_line(message)} (SQLSTATE {code})"
    if isinstance(original, AstrayError):
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
