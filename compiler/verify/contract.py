"""What the runner is told in plan.json against what it needs to tell databases apart, and what a cluster can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.verify.document import find, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.chart import Chart
    from compiler.verify.document import Document
    from compiler.verify.finding import Finding
    from compiler.verify.text import Value

# Argo CD keeps a copy of what it applied in an annotation, of which Kubernetes allows 262,144 bytes, escaped.
MOST_BYTES = 200_000


def check(plan: Document) -> Iterator[Finding]:
    """Check the plan of one environment."""
    tenants = sequence(plan.at("tenants"))
    if len(set(map(str, tenants))) < len(tenants):
        number = next(n for n, tenant in enumerate(tenants) if tenant in tenants[:n])
        yield plan.breaks("plan-tenants", f"found the tenant {tenants[number]!r} twice", "tenants", number)
    by_database: dict[str, list[tuple[int, Value]]] = {}
    for number, service in enumerate(sequence(plan.at("services"))):
        by_database.setdefault(str(find(service, "database")), []).append((number, service))
    for database, services in by_database.items():
        # The schemas of one service differ as its tenants do.
        if len(services) > 1:
            yield from _schemas(plan, database, services, tenants)


def _schemas(
    plan: Document, database: str, services: list[tuple[int, Value]], tenants: list[Value]
) -> Iterator[Finding]:
    owners: dict[str, Value] = {}
    for number, service in services:
        schema = str(find(service, "schema"))
        for name in sorted({schema.replace("{tenant}", str(tenant)) for tenant in tenants}):
            owner = owners.setdefault(name, find(service, "name"))
            if owner != find(service, "name"):
                message = f"found the schema {name!r} of {database!r}, which {owner!r} migrates"
                yield plan.breaks("plan-schemas", message, "services", number, "schema")
                break


def size(chart: Chart, runner_bytes: int) -> Iterator[Finding]:
    """Check that what the migrations read fits into a cluster's files."""
    total = len(chart.plan_text.encode()) + runner_bytes
    if chart.plan and chart.of("ConfigMap") and total > MOST_BYTES:
        count = len(sequence(chart.plan.at("tenants")))
        message = (
            f"found {count:,} tenants, with which the plan and the runner have {total / 1000:,.0f} kB;"
            f" a cluster's files hold {MOST_BYTES / 1000:,.0f} kB"
        )
        yield chart.plan.breaks("plan-size", message, "tenants", 0)
