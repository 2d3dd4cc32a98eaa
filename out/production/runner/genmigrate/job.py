"""Turns a driver's order into what a worker's commands share: where the service is, its schemas, its session."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genmigrate import manifest
from genmigrate import survey as surveys
from genmigrate.codes import OK, RunError
from genmigrate.output import names
from genmigrate.session import NAME_BYTES, Session, create_database, limit_sessions, open_session
from genmigrate.url import DatabaseUrl, parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from genmigrate.exchange import Exchange, Message
    from genmigrate.history import History
    from genmigrate.plan import Plan, Service, Target
    from genmigrate.survey import State
    from genmigrate.watch import Watch


@dataclass
class Job:
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
    document: Message | None = None
    word: str = ""
    reason: str = ""
    way_out: str = ""
    backends: set[int] = field(default_factory=set)
    working: dict[str, str] = field(
        default_factory=dict
    )
    modules: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        run = self.run = str(self.order["run"])
        parts = f"genmigrate {self.plan.platform}/{self.plan.environment} {self.service.name}"
        self.application = f"{run} {parts}"[:NAME_BYTES]
        self.patience_s = float(self.order.get("timeout", 0))

    def url(self) -> DatabaseUrl:
        variable = self.service.url_env
        url = parse(os.environ.get(variable, ""), variable)
        if url.database != self.service.database:
            raise RunError(
                "usage",
                f"{variable} names database {url.database or '(none)'}, the plan says {self.service.database}",
                "correct the URL, or the service's database in the spec",
            )
        return url

    def connect(self, url: DatabaseUrl, create: bool, patience_s: float | None = None) -> Session:
        patience = self.patience_s if patience_s is None else patience_s
        limit_sessions(self.plan.lock_timeout_ms, self.plan.statement_timeout_ms, self.application)
        try:
            return open_session(url, self.application, patience, self.watch.check, self.note)
        except RunError as trouble:
            if trouble.word != "missing-database" or not create:
                raise
        create_database(url, self.application)
        return open_session(url, self.application, patience, self.watch.check, self.note)

    def survey(
        self, session: Session, history: History, targets: tuple[Target, ...] | None = None
    ) -> list[State]:
        chosen = self.targets if targets is None else targets
        return surveys.survey(session, chosen, self.service.version_table, history)

    def judge(self, session: Session, history: History) -> list[State]:
        service = self.service.name
        states = self.survey(session, history)
        if any(state.word in ("unknown-revision", "pending") for state in states):
            states = manifest.judge(session, service, states, history)
        there = session.rows("SELECT to_regclass('genmigrate.applied') IS NOT NULL")[0][0]
        for revision, count, one in (there and manifest.edited(session, service, history)) or ():
            self.note(
                f"{service}: {revision.file.name} was edited after it was applied ({count} schemas, {one} for one)"
            )
        return states

    def line(self, text: str, event: Message | None = None, **counts: int) -> None:
        self._record({"to": "stdout", "text": text, "counts": counts, "event": event or {}})

    def lines(self, texts: Iterable[tuple[str, Message]], count: str) -> None:
        self._record(
            *({"to": "stdout", "text": t, "counts": {count: 1}, "event": event} for t, event in texts)
        )

    def note(self, text: str) -> None:
        self._record({"to": "stderr", "text": text})

    def progress(self, done: int, total: int, at: list[list[Any]]) -> None:
        self._record({"to": "progress", "done": done, "total": total, "at": at})

    def give_up(self, trouble: RunError) -> None:
        self.word, self.reason, self.way_out = trouble.word, trouble.reason, trouble.way_out
        told = {"event": "failed", "word": self.word, "reason": self.reason, "way_out": [self.way_out]}
        to = "stderr" if self.order.get("command") == "sql" else "stdout"
        self._record({"to": to, "text": f"  ✗ {self.service.name} {self.word}: {self.reason}", "event": told})
        if self.way_out:
            self._record({"to": to, "text": f"    → {self.way_out}"})
        self.ended_with(trouble.code)

    def _record(self, *records: Message) -> None:
        stamp = {"run": self.run, "worker": self.worker}
        self.exchange.append(self.service.name, *({**stamp, **record} for record in records))

    def ended_with(self, code: int) -> None:
        if code != OK:
            self.codes.append(code)


def explain(state: State, service: Service, plan: Plan, history: History) -> tuple[str, str]:
    schema = state.target.schema
    if state.word in ("ahead", "unknown-revision"):
        unknown = names([revision for revision in state.current if revision not in history.revisions])
        why = state.reason or f"schema {schema} is at revision {unknown}, which no file of {service.name} has"
        way_out = (
            state.way_out or "check out the branch or image that has it and go on, or downgrade there first"
        )
        if plan.environment == "local":
            way_out = "check out the branch that has it, or wipe the local database: npm run dev:death"
        return why, way_out
    if state.reason:
        return state.reason, state.way_out
    if state.word == "unversioned":
        why = f"schema {schema} holds {state.tables} tables but no {service.version_table}"
    else:
        why = f"schema {schema} holds {state.tables} tables but its {service.version_table} is empty"
    stamp = f"ALEMBIC_SCHEMA={schema} alembic -c {service.config} stamp REVISION"
    return why, f"if these tables are a known revision, record it in the service's folder: {stamp}"
