"""Turns a schema at one revision into one at another, by Alembic through the service's own env.py."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import replay
from .codes import RunError
from .fresh import in_schema, keeps
from .hold import Hold
from .output import one_line
from .session import CANCELLED, RETRYABLE, as_path, driver_module, sqlstate, word_of
from .stray import AstrayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from io import StringIO

    from .hand import Errand
    from .history import Revision
    from .plan import Service, Target
    from .url import DatabaseUrl


class RevisionError(RunError):
    """A revision, or env.py around it, raised."""

    def __init__(self, error: BaseException, url: DatabaseUrl, word: str = "failed", **more: object) -> None:
        super().__init__(word, url.hide(reason_of(error)))
        self.place = place_of(error)
        self._more = {"place": self.place, "revision": "", **more}

    @property
    def facts(self) -> dict[str, Any]:
        """The same as a message."""
        return {**super().facts, **self._more}


def migrate(errand: Errand) -> dict[str, Any]:
    """Bring the errand's schema to its goal, each revision in a transaction of its own; `seen`, where it is there.

    Raises RevisionError, or RunError when the work was stopped or cut. The service's folder is the working directory.
    """
    hold = Hold(errand)
    running: list[str] = []

    def guarded(step: Any, context: Any) -> Any:
        original = step.migration_fn

        def migrate(**arguments: Any) -> None:
            errand.check()
            running.append(step.revision.revision)
            revision = errand.history.revisions[running[-1]]
            errand.tell(at=revision.slug, phase=revision.phase)
            hold.confine(context.connection, revision)
            with replay.heard(errand, revision, context.connection) as learn:
                original(**arguments)
            hold.settle(context.connection)
            learn()

        step.migration_fn = migrate
        return step

    def options(given: dict[str, Any]) -> None:
        given["transaction_per_migration"] = True
        agree(given, errand.service, errand.target)

    def by_alembic(goal: str | None) -> None:
        errand.tell(at="env.py", phase="")
        schema, loaded = errand.target.schema, list(_kept)
        with in_schema(schema, _kept.clear):  # revision files that import such a module
            run(errand.service, errand.url, goal, guarded, options, hold=hold)
        if _kept != loaded and any(keeps(vars(each.module), schema) for each in _kept[1].walk_revisions()):
            _kept.clear()

    try:
        return {"seen": _bring(errand, by_alembic, running)}
    except RunError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a revision may raise anything
        errand.check()  # an error that our own cancelling caused is not the migration's
        original = getattr(error, "orig", None) or error
        code = sqlstate(original)
        word = "failed" if hold.halved else word_of(original) or "failed"
        with suppress(Exception):  # the server may be gone
            hold.abandon()
        _engines.clear()
        more = {"revision": running[-1] if running else "", "sqlstate": code, "halved": hold.halved}
        raise RevisionError(error, errand.url, word, **more) from None


def _bring(errand: Errand, by_alembic: Callable[[str | None], None], running: list[str]) -> bool:
    """To the goal, by Alembic where it is not known what a revision sends; whether it was seen to be there."""
    current: tuple[str, ...] = tuple(errand.current)
    while True:
        known = replay.chain(errand, current)
        if known and not _replay(errand, known, running):
            by_alembic(errand.goal)  # which says what went wrong, and where
            return False
        current = (known[-1].id,) if known else current
        if known and not errand.history.pending(current):
            return True
        stop = replay.next_known(errand, current)
        by_alembic(stop or errand.goal)
        if stop is None:
            return False
        current = (stop,)


def _replay(errand: Errand, known: Sequence[Revision], running: list[str]) -> bool:
    """Whether these revisions ended as before. Raises what concerns the connection or another's lock."""
    try:
        replay.run(errand, _engine(errand.url), known, running)
    except RunError:
        raise
    except Exception as error:
        if sqlstate(error) in (*RETRYABLE, CANCELLED) or word_of(error) == "unreachable":
            raise
        errand.check()
        return False
    return True


def run(
    service: Service,
    url: DatabaseUrl,
    goal: str | None,
    guarded: Callable[[Any, Any], Any],
    options: Callable[[dict[str, Any]], None],
    mode: dict[str, Any] | None = None,
    buffer: StringIO | None = None,
    *,
    hold: Hold | None = None,
    plain: bool = False,
) -> None:
    """What `alembic upgrade GOAL` does, each step handed to `guarded` and env.py's options to `options`.

    With `plain` no step is planned: `guarded` itself is Alembic's function of the run.
    """
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    if _kept and buffer is None:
        config, script, added = _kept
        sys.path[:0] = added
    else:
        before = list(sys.path)
        config = Config(Path.cwd() / service.config, output_buffer=buffer)
        config.set_main_option("sqlalchemy.url", url.for_sqlalchemy().replace("%", "%%"))
        script = ScriptDirectory.from_config(config)
        if hold and hold.keeps_files:
            _kept[:] = [config, script, sys.path[: len(sys.path) - len(before)]]  # its prepend_sys_path

    def steps(revision: Any, context: Any) -> Iterable[Any]:
        plan = script._downgrade_revs if hold and hold.task == "down" else script._upgrade_revs
        for step in plan(goal or "heads", revision):
            yield guarded(step, context)

    fn = guarded if plain else steps
    environment = EnvironmentContext(config, script, fn=fn, destination_rev=goal, **(mode or {}))
    configure = environment.configure

    def configure_with_options(*positional: Any, **given: Any) -> None:
        options(given)
        configure(*positional, **given)
        if hold:
            hold.take(environment.get_context())

    # For this run; env.py calls them.
    environment.__dict__.update(configure=configure_with_options)
    with environment:
        if service.skip_env and hold:
            _connect_only(environment, url, hold.path)
        else:
            script.run_env()


_kept: list[Any] = []
_engines: list[Any] = []  # at most one
_served = 0
#: After so many schemas a connection is replaced: its server process remembers each of them.
CONNECTION_SERVES = 200


def _engine(url: DatabaseUrl) -> Any:
    import sqlalchemy

    global _served
    if not _engines or _served % CONNECTION_SERVES == 0:
        for engine in _engines:
            engine.dispose()
        scheme = f"postgresql+{driver_module(url).__name__}://"  # never an async one
        _engines[:] = [
            sqlalchemy.create_engine(scheme, connect_args=url.parameters, pool_size=1, max_overflow=0)
        ]
        sqlalchemy.event.listen(_engines[0], "checkout", _forget_session)
    _served += 1
    return _engines[0]


def _forget_session(connection: Any, *_: Any) -> None:
    """Leave nothing of one schema's session to the next: roles, settings, temporary tables, locks, plans."""
    if hasattr(connection, "prepare_threshold"):
        connection.prepare_threshold = None  # what is prepared by itself knows the types of the first schema
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("DISCARD ALL")
    connection.autocommit = False


def _connect_only(environment: Any, url: DatabaseUrl, path: list[str]) -> None:
    """In place of an env.py that only connects; one connection serves many schemas."""
    with _engine(url).connect() as connection:
        connection.exec_driver_sql(f"RESET ROLE; SET search_path TO {as_path(path)}")
        connection.commit()
        connection.dialect.default_schema_name = path[0]
        environment.configure(connection=connection)
        with environment.begin_transaction():
            environment.run_migrations()


def agree(given: dict[str, Any], service: Service, target: Target) -> None:
    """Fill env.py's options from the plan, or raise AstrayError where it sets another value.

    Always: a version table that search_path finds in another schema would be believed.
    """
    planned = {"version_table": service.version_table, "version_table_schema": target.version_schema}
    for option, value in planned.items():
        if given.get(option) not in (None, value):
            raise AstrayError(f"env.py sets {option} to {given[option]}, the plan says {value}")
        given[option] = value


def reason_of(error: BaseException) -> str:
    """The database's message with its SQLSTATE, or the exception's type and first line."""
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


def place_of(error: BaseException) -> str:
    """The innermost line of the service's own code."""
    here = Path.cwd()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if here in file.parents and "site-packages" not in file.parts:
            return f"{file.relative_to(here)} line {frame.lineno}"
    return ""
