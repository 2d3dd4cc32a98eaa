"""Turns names of services and tenants into schemas of the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .codes import RunError

if TYPE_CHECKING:
    from .plan import Plan, Service, Target


def services_named(plan: Plan, names: list[str]) -> list[Service]:
    """These services in plan order, all without a name. Raises RunError("usage")."""
    known = {service.name: service for service in plan.services}
    for name in names:
        if name not in known:
            raise RunError("usage", f"no service {name} in the plan", f"known: {', '.join(known)}")
    return [service for service in plan.services if not names or service.name in names]


def targets_of(plan: Plan, services: list[str], tenants: list[str]) -> dict[str, tuple[Target, ...]]:
    """By service the schemas of these tenants, all without a name. Raises RunError("usage")."""
    for tenant in tenants:
        if tenant not in plan.tenants:
            known = f"known: {', '.join(plan.tenants[:20])}"
            raise RunError("usage", f"no tenant {tenant} in the plan", known)
    chosen = {
        service.name: plan.targets(service, tuple(tenants)) for service in services_named(plan, services)
    }
    if tenants and services and not any(chosen.values()):
        reason = f"{', '.join(services)} has one schema for all tenants"
        raise RunError("usage", f"{reason}, so there is none of {', '.join(tenants)}", "leave --tenant out")
    return {name: targets for name, targets in chosen.items() if targets}
