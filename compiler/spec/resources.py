"""What a container gets at least and at most: refuse what Kubernetes would not start, or would kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note
from compiler.spec import defaults
from compiler.spec.kinds import BYTES, CPU, TENANT
from compiler.spec.model import Limits, Requests
from compiler.spec.shown import shown
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of
from compiler.spec.written import entries, items, migrating, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.spec.source import Node

_UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


def resources(tree: Node) -> Iterator[Diagnostic]:
    """Refuse a request of a service that is more than its limit."""
    for name, service in entries(tree, "services").items():
        for field, request in Requests.model_fields.items():
            key, kind = request.alias or field, CPU if field == "cpu" else BYTES
            least, most = (find(service, "resources", part, key) for part in ("requests", "limits"))
            lower = least.value if least else request.default
            upper = most.value if most else Limits.model_fields[field].default
            if any(not isinstance(each, str) or kind.fault(each) for each in (lower, upper)):
                continue
            if amount(str(lower)) <= amount(str(upper)):
                continue
            if least:
                yield Diagnostic(
                    "out-of-range",
                    f"found a request of {lower} {key} for {shown(name)}, more than its limit of {upper}",
                    least.place,
                    (Note("the limit", most.place) if most else Note("the limit is the default"),),
                    f"write at most {upper}, or raise the limit",
                )
            elif most:
                yield Diagnostic(
                    "out-of-range",
                    f"found a limit of {upper} {key} for {shown(name)}, less than its request of {lower}",
                    most.place,
                    (Note("the request is the default"),),
                    f"write at least {lower}, or lower the request",
                )


def workers(tree: Node) -> Iterator[Diagnostic]:
    """Refuse a limit of memory in which a service's migrations would be killed: the Job's container has it too."""
    tier = tier_of(tree)
    if find(tree, "deploy") is None or tier in (None, "local"):
        return
    stated = find(tree, "migrations", "parallelism")
    parallelism = number(stated) if stated else defaults.parallelism(tier or "")
    by = (
        Note("so many schemas at once", stated.place)
        if stated
        else Note(f"{parallelism} at once is the default")
    )
    tenants = len(items(tree, "tenants"))
    for name, service in migrating(tree):
        limit = find(service, "resources", "limits", "memory")
        if limit is None or not isinstance(limit.value, str) or BYTES.fault(limit.value) or not parallelism:
            continue
        schemas = tenants if TENANT in (text(service, "migrations", "schema") or "") else 1
        needed, several = defaults.worker_memory(parallelism, schemas), min(parallelism, schemas) > 1
        if amount(limit.value) < needed * _UNITS["Mi"]:
            yield Diagnostic(
                "out-of-range",
                f"found a limit of {limit.value} memory for {shown(name)}, whose migrations need {needed}Mi",
                limit.place,
                (by,) if several else (),
                f"write at least {needed}Mi{', or lower migrations.parallelism' if several else ''}",
            )


def amount(written: str) -> int:
    """Return how many thousandths of a CPU, or how many bytes, a quantity stands for."""
    if written[-2:] in _UNITS:
        return int(written[:-2]) * _UNITS[written[-2:]]
    return int(written[:-1]) if written.endswith("m") else int(written) * 1000
