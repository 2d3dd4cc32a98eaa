"""A checked Spec into Plans: every default, derived name and order is decided here, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.plan.deployment import plan_deploy
from compiler.plan.leaf import Leaf, derive, unite
from compiler.plan.model import (
    EnvironmentPlan,
    Items,
    Plan,
    PolicyPlan,
    PostgresPlan,
    ServicePlan,
    SessionPlan,
)
from compiler.plan.platform import plan_platform, plan_prefix
from compiler.plan.read import Reader
from compiler.plan.service import plan_service
from compiler.spec import defaults
from compiler.spec.kinds import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from compiler.spec.spec import EnvironmentSpec, Spec


def make_plans(spec: Spec) -> Iterator[Plan]:
    """Decide everything about every environment, one after the other, and first what belongs to none of them.

    Cannot fail: what could go wrong is a diagnostic of the load.
    """
    yield Plan(platform=plan_platform(spec), unscripted=_unscripted(spec))
    for environment in spec.environments:
        yield Plan((_plan_environment(environment),))


def _unscripted(spec: Spec) -> Leaf[str] | None:
    """Return the tool of any environment: they all have the same."""
    if any(environment.tier == "local" for environment in spec.environments):
        return None
    return next((Reader(one).leaf(one.model.tool, "tool") for one in spec.environments), None)


def _plan_environment(spec: EnvironmentSpec) -> EnvironmentPlan:
    read, model = Reader(spec), spec.model
    platform = read.leaf(model.platform, "platform")
    name = read.leaf(model.environment, "environment")
    tier = Leaf(spec.tier, read.written("tier") or name.places)
    tenants = read.words(model.tenants, "tenants")
    services = _plan_services(read)
    release = derive("{}-{}".format, platform, name)
    return EnvironmentPlan(
        name=name,
        platform=platform,
        project=release,
        local=derive("local".__eq__, tier),
        tool=read.leaf(model.tool, "tool"),
        script_prefix=read.leaf(model.npm.prefix, "npm", "prefix"),
        tenants=tenants,
        tenants_env=read.leaf(model.tenants_env, "tenants_env"),
        tenants_value=derive(lambda *names: ",".join(names), *tenants),
        postgres=_plan_postgres(read, platform),
        session=_plan_session(read),
        policy=_plan_policy(read, tier, tenants),
        services=services,
        driver=_driver(services),
        workflow_prefix=plan_prefix(read),
        setup=read.words(model.workflows.setup, "workflows", "setup"),
        deploy=plan_deploy(read, platform, release, tier, services),
    )


def _plan_postgres(read: Reader, platform: Leaf[str]) -> PostgresPlan:
    postgres = read.spec.model.postgres
    version = read.leaf(postgres.version, "postgres", "version")
    return PostgresPlan(
        version=version,
        volume=derive(_data_volume, version),
        port=read.leaf(postgres.port, "postgres", "port"),
        image=read.leaf(postgres.image, "postgres", "image"),
        user=derive(lambda name: name.replace("-", "_"), platform),
        password_env=Leaf("POSTGRES_PASSWORD"),
    )


def _data_volume(version: int) -> str:
    """Return where the official image keeps its data: from 18 on the volume holds one folder per major version."""
    return "/var/lib/postgresql" if version >= 18 else "/var/lib/postgresql/data"


def _plan_session(read: Reader) -> SessionPlan:
    limits = read.spec.model.migrations
    return SessionPlan(
        lock_timeout_ms=read.leaf(milliseconds(limits.lock_timeout), "migrations", "lock_timeout"),
        statement_timeout_ms=read.leaf(
            milliseconds(limits.statement_timeout), "migrations", "statement_timeout"
        ),
    )


def _plan_policy(read: Reader, tier: Leaf[str], tenants: tuple[Leaf[str], ...]) -> PolicyPlan:
    migrations, rollback = read.spec.model.migrations, read.spec.model.rollback

    def by_tier(value: Any, default: Callable[[str], Any], *at: str) -> Leaf[Any]:
        return derive(default, tier) if value is None else read.leaf(value, *at)

    schema = by_tier(rollback.schema_, defaults.schema_rollback, "rollback", "schema")
    canary = _canary(read, tier, tenants)
    failed = derive(
        lambda on_failure, most: most if on_failure == "continue" else 0,
        read.leaf(migrations.on_tenant_failure, "migrations", "on_tenant_failure"),
        read.leaf(migrations.max_failed_tenants, "migrations", "max_failed_tenants"),
    )
    downgrade = derive(
        lambda word, most: most if word == "downgrade" else 0,
        schema,
        read.leaf(rollback.max_downgrade_revisions, "rollback", "max_downgrade_revisions"),
    )
    return PolicyPlan(
        parallelism=by_tier(migrations.parallelism, defaults.parallelism, "migrations", "parallelism"),
        canary=canary,
        canary_words=Leaf(", ".join(leaf.value for leaf in canary) or "none", canary.origin),
        max_failed_tenants=failed,
        failed_words=derive(_number, failed),
        lock_retries=by_tier(migrations.lock_retries, defaults.lock_retries, "migrations", "lock_retries"),
        verify=read.leaf(migrations.verify, "migrations", "verify"),
        downgrades=derive("downgrade".__eq__, schema),
        max_downgrade=downgrade,
        downgrade_words=derive(_number, downgrade),
    )


def _number(most: int | None) -> str:
    return "any number" if most is None else str(most)


def _canary(read: Reader, tier: Leaf[str], tenants: tuple[Leaf[str], ...]) -> Items[Leaf[str]]:
    written = read.spec.model.migrations.canary
    if written is not None:
        return Items(read.words(written, "migrations", "canary"), read.key("migrations", "canary"))
    # With a second tenant there is a first one to begin with.
    return Items(tenants[: defaults.canary(tier.value, len(tenants))], unite(tier, *tenants[:2]))


def _plan_services(read: Reader) -> Items[ServicePlan]:
    services = read.spec.model.services
    rest = sorted(name for name in services if name not in read.spec.order)
    enabled = [name for name in (*read.spec.order, *rest) if services[name].enabled]
    planned = tuple(plan_service(read, name, services[name]) for name in enabled)
    switched_off = tuple(Leaf(name, read.written("services", name, "enabled")) for name in sorted(services))
    order = tuple(leaf for service in planned if service.migrations for leaf in service.migrations.after)
    return Items(planned, unite(*switched_off, *order))


def _driver(services: Items[ServicePlan]) -> Leaf[str]:
    """Return the image that the runner's driver borrows: any that holds a Python; the first to migrate."""
    return next((service.image for service in services if service.migrations), Leaf(""))
