"""Turns names of services and tenants into schemas of the plan."""
from __future__ import annotations
from .codes import RunError
def services_named(plan, names):
 known = {service.name: service for service in plan.services}
 for name in names:
  if name not in known:
   raise RunError("usage", f"no service {name} in the plan", f"known: {', '.join(known)}")
 return [service for service in plan.services if not names or service.name in names]
def targets_of(plan, services, tenants):
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
