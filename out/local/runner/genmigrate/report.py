"""Turns what a run found into a line or a table for people, or a document for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from genmigrate.driver import COUNTED
from genmigrate.output import names, say, table

if TYPE_CHECKING:
    from genmigrate.driver import Driver, Outcome

VERSION = 1
HEAD = ("service", "schema", "state", "current", "pending")


def as_json(driver: Driver) -> dict[str, Any]:
    plan = driver.plan
    return {
        "version": VERSION,
        "platform": plan.platform,
        "environment": plan.environment,
        "services": [
            {
                "name": outcome.service.name,
                "database": outcome.service.database,
                "state": outcome.word or "answers",
                "reason": outcome.reason,
                "way_out": outcome.way_out,
                "heads": outcome.heads,
                "schemas": outcome.schemas,
            }
            for outcome in driver.outcomes
        ],
    }


def as_manifest(driver: Driver) -> dict[str, Any]:
    plan, found = driver.plan, [outcome.document for outcome in driver.outcomes if outcome.document]
    head = {"version": VERSION, "run": driver.run_id, "platform": plan.platform}
    return {**head, "environment": plan.environment, "services": found}


def as_table(driver: Driver) -> None:
    rows = [row for outcome in driver.outcomes for row in _rows(driver, outcome)]
    for line in table([HEAD, *rows]):
        say(line)
    for outcome in driver.outcomes:
        if outcome.word:
            _explain(outcome.service.name, outcome.word, outcome.reason, outcome.way_out)
        for schema in outcome.schemas:
            if schema["reason"]:
                _explain(schema["schema"], schema["state"], schema["reason"], schema["way_out"])


def _explain(label: str, word: str, reason: str, way_out: str) -> None:
    say(f"  ✗ {label} {word}: {reason}")
    if way_out:
        say(f"    → {way_out}")


def _rows(driver: Driver, outcome: Outcome) -> list[tuple[str, ...]]:
    service = outcome.service.name
    if outcome.word:
        return [(service, t.schema, outcome.word, "?", "?") for t in driver.order.targets[service]]
    return [
        (
            service,
            schema["schema"],
            schema["state"],
            names([each["name"] for each in schema["current"]]) or "-",
            names([each["name"] for each in schema["pending"]]) or "-",
        )
        for schema in outcome.schemas
    ]


def summary(driver: Driver, left: int, seconds: float, code: int) -> tuple[str, dict[str, Any]]:
    total: Counter[str] = Counter()
    for outcome in driver.outcomes:
        total.update(outcome.counts)
    total["skipped"] += left
    parts = ", ".join(f"{total[key]} {key.replace('_', '-')}" for key in COUNTED)
    text = f"{sum(total.values())} schemas: {parts} (run {driver.run_id}, {seconds:.1f} s)"
    counts = {key: total[key] for key in COUNTED}
    return text, {"event": "summary", **counts, "seconds": round(seconds, 1), "code": code}
