"""Turns a driver's order into what a worker's commands share."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import history, manifest
from . import survey as surveys
from .codes import FAILED, OK, RunError
from .output import names
from .session import NAME_BYTES, Session, limit_sessions, open_session
from .url import DatabaseUrl, parse

# A cluster's copy goes without: nobody makes databases there.
with suppress(ImportError):
    from .create import create_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .exchange import Exchange, Message
    from .plan import Plan, Service, Target
    from .survey import State
    from .watch import Watch


@dataclass
class Job:
    """One order for one service, and what came of it."""

    plan: Plan
    service: Service
    targets: tuple[Target, ...]
    order: Message
    exchange: Exchange
    worker: str
    watch: Watch
    plan_file: Path
    codes: list[int] = field(default_factory=list)
    schemas: list[Message] = field(default_factory=list)
    heads: list[Message] = field(default_factory=list)
    document: Message | None = None  # what the run left in the manifest, where it was asked for
    trouble: RunError | None = None  # why the whole service cannot be worked on
    backends: set[int] = field(default_factory=set)  # of env.py's connections, to be cancelled
    working: dict[str, str] = field(default_factory=dict)  # of each schema at work its revision's name
    modules: set[str] = field(default_factory=set)  # of Alembic's, loaded by hands

    def __post_init__(self) -> None:
        run = self.run = str(self.order["run"])
        parts = f"genmigrate {self.plan.platform}/{self.plan.environment} {self.service.name}"
        self.application = f"{run} {parts}"[:NAME_BYTES]
        self.patience_s = float(self.order.get("timeout", 0))

    @cached_property
    def past(self) -> history.History:
        """The service's revisions. Raises what history.read does."""
        return history.read(Path.cwd(), self.service.config)

    def url(self) -> DatabaseUrl:
        """The service's database URL. Raises RunError("usage")."""
        variable, planned = self.service.url_env, self.service.database
        url = parse(os.environ.get(variable, ""), variable)
        if url.database != planned:
            reason = f"{variable} names database {url.database or '(none)'}, the plan says {planned}"
            raise RunError("usage", reason, "correct the URL, or the service's database in the spec")
        return url

    def connect(self, create: bool = False, patience_s: float | None = None) -> Session:
        """A session with the plan's limits, once the server answers; `create` makes a missing database."""
        url, patience = self.url(), self.patience_s if patience_s is None else patience_s
        limit_sessions(self.plan.lock_timeout_ms, self.plan.statement_timeout_ms, self.application)
        try:
            return open_session(url, self.application, patience, self.watch.check, self.note)
        except RunError as trouble:
            if trouble.word != "missing-database" or not create:
                raise
        create_database(url, self.application)
        return open_session(url, self.application, patience, self.watch.check, self.note)

    def survey(self, session: Session, *targets: Target) -> list[State]:
        """The states of these targets, by default of all that were ordered."""
        return surveys.survey(session, targets or self.targets, self.service.version_table, self.past)

    def judge(self, session: Session) -> list[State]:
        """The states with what the manifest knows; a note for each file edited since it ran."""
        service, past = self.service.name, self.past
        states = self.survey(session)
        if any(state.word in ("unknown-revision", "pending") for state in states):
            states = manifest.judge(session, service, states, past)
        for revision, count, one in manifest.edited(session, service, past) or ():
            file = revision.file.name
            self.note(f"{service}: {file} was edited after it was applied ({count} schemas, {one} for one)")
        return states

    def explain(self, state: State) -> RunError:
        """Why a schema that needs a person cannot be migrated."""
        schema, service, why, way_out = state.target.schema, self.service, state.reason, state.way_out
        if state.word in ("ahead", "unknown-revision"):
            unknown = names([revision for revision in state.current if revision not in self.past.revisions])
            why = why or f"schema {schema} is at revision {unknown}, which no file of {service.name} has"
            if self.plan.environment == "local":
                way_out = "check out the branch that has it, or wipe the local database: npm run dev:death"
            way_out = (
                way_out or "check out the branch or image that has it and go on, or downgrade there first"
            )
        elif not why:
            table = service.version_table
            lacks = f"no {table}" if state.word == "unversioned" else f"its {table} is empty"
            why = f"schema {schema} holds {state.tables} tables but {lacks}"
            stamp = f"ALEMBIC_SCHEMA={schema} alembic -c {service.config} stamp REVISION"
            way_out = f"if these tables are a known revision, record it in the service's folder: {stamp}"
        return RunError(state.word, why, way_out)

    def line(self, text: str, event: Message | None = None, **counts: int) -> None:
        """Show a line; `event` is the same for programs, `counts` are added to the summary."""
        self._record({"to": "stdout", "text": text, "counts": counts, "event": event or {}})

    def lines(self, texts: Iterable[tuple[str, Message]], count: str) -> None:
        """Show many lines at once, each counting one."""
        self._record(*({"to": "stdout", "text": t, "counts": {count: 1}, "event": e} for t, e in texts))

    def note(self, text: str) -> None:
        """Show a line that is not part of the result."""
        self._record({"to": "stderr", "text": text})

    def progress(self, done: int, total: int, at: list[list[Any]]) -> None:
        """How far a long run is; `at`: label, revision, phase, seconds, blockers of each schema at work."""
        self._record({"to": "progress", "done": done, "total": total, "at": at})

    def failed(
        self,
        state: State | None,
        error: RunError,
        at: str = "",
        hints: Sequence[str] | None = None,
        **more: object,
    ) -> None:
        """Say that a schema, or for None the service, failed `at` something; `hints` are all ways out."""
        ways = [way for way in ([error.way_out] if hints is None else hints) if way]
        facts = {**error.facts, "way_out": ways, **more}
        label, counts, told = self.service.name, {}, {"event": "failed", **facts}
        if state:
            label, counts, told = state.target.label, {"failed": 1}, event("failed", state, **facts)
        to = "stderr" if self.order.get("command") == "sql" else "stdout"
        text = f"  ✗ {label} {error.word}{at}: {error.reason}"
        lines = [{"to": to, "text": f"    → {way}"} for way in ways]
        self._record({"to": to, "text": text, "counts": counts, "event": told}, *lines)
        self.codes.append(error.code or FAILED)

    def give_up(self, trouble: RunError) -> None:
        """The whole service cannot be worked on."""
        self.trouble = trouble
        self.failed(None, trouble)

    def _record(self, *records: Message) -> None:
        stamp = {"run": self.run, "worker": self.worker}
        self.exchange.append(self.service.name, *({**stamp, **record} for record in records))

    def ended_with(self, code: int) -> None:
        """Note a code for the result."""
        if code != OK:
            self.codes.append(code)


def event(what: str, state: State, **more: object) -> Message:
    """A line for programs."""
    return {"event": what, "schema": state.target.schema, "tenant": state.target.tenant, **more}
