"""A checked Spec into a Plan: every default, derived name and order is decided here, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.plan.leaf import Leaf, derive, unite
from compiler.plan.model import (
    EnvironmentPlan,
    Items,
    MigrationsPlan,
    Plan,
    PostgresPlan,
    ServicePlan,
    SessionPlan,
    Variable,
)
from compiler.spec.kinds import milliseconds

if TYPE_CHECKING:
    from compiler.diagnostics.model import Place
    from compiler.spec.model import Service
    from compiler.spec.spec import EnvironmentSpec, Spec


def make_plan(spec: Spec) -> Plan:
    """Decide everything about every environment. Cannot fail: what could go wrong is a diagnostic of the load."""
    return Plan(tuple(_plan_environment(environment) for environment in spec.environments))


class _Reader:
    """Reads values of one environment together with their places."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self.spec = spec

    def leaf(self, value: Any, *loc: str | int) -> Leaf[Any]:
        """Pair `value` with where it was written; a default belongs to the map around it, if one was written."""
        written = self.spec.is_written(*loc[:1])
        return Leaf(value, (self.spec.place(*loc),) if written else ())

    def words(self, values: tuple[str, ...] | list[str], *loc: str | int) -> tuple[Leaf[str], ...]:
        return tuple(self.leaf(value, *loc, number) for number, value in enumerate(values))

    def key(self, *loc: str) -> tuple[Place, ...]:
        return (self.spec.key_place(*loc),)


def _plan_environment(spec: EnvironmentSpec) -> EnvironmentPlan:
    read, model = _Reader(spec), spec.model
    platform = read.leaf(model.platform, "platform")
    name = read.leaf(model.environment, "environment")
    tier = Leaf(spec.tier, _written(read, "tier") or name.places)
    tenants = read.words(model.tenants, "tenants")
    services = _plan_services(read)
    return EnvironmentPlan(
        name=name,
        platform=platform,
        project=derive("{}-{}".format, platform, name),
        local=derive("local".__eq__, tier),
        tool=read.leaf(model.tool, "tool"),
        script_prefix=read.leaf(model.npm.prefix, "npm", "prefix"),
        tenants=tenants,
        tenants_env=read.leaf(model.tenants_env, "tenants_env"),
        tenants_value=derive(lambda *names: ",".join(names), *tenants),
        postgres=_plan_postgres(read, platform),
        session=_plan_session(read),
        services=services,
        driver=_driver(services),
    )


def _plan_postgres(read: _Reader, platform: Leaf[str]) -> PostgresPlan:
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


def _plan_session(read: _Reader) -> SessionPlan:
    limits = read.spec.model.migrations
    return SessionPlan(
        lock_timeout_ms=read.leaf(milliseconds(limits.lock_timeout), "migrations", "lock_timeout"),
        statement_timeout_ms=read.leaf(
            milliseconds(limits.statement_timeout), "migrations", "statement_timeout"
        ),
    )


def _plan_services(read: _Reader) -> Items[ServicePlan]:
    services = read.spec.model.services
    rest = sorted(name for name in services if name not in read.spec.order)
    enabled = [name for name in (*read.spec.order, *rest) if services[name].enabled]
    planned = tuple(_plan_service(read, name, services[name]) for name in enabled)
    switched_off = tuple(Leaf(name, _written(read, "services", name, "enabled")) for name in sorted(services))
    order = tuple(leaf for service in planned if service.migrations for leaf in service.migrations.after)
    return Items(planned, unite(*switched_off, *order))


def _driver(services: Items[ServicePlan]) -> Leaf[str]:
    """Return the image that the runner's driver borrows: any that holds a Python; the first to migrate."""
    return next((service.image for service in services if service.migrations), Leaf(""))


def _plan_service(read: _Reader, name: str, service: Service) -> ServicePlan:
    at = ("services", name)
    declared = Leaf(name, read.key(*at))
    path = read.leaf(service.path, *at, "path")
    run = _run(read, service, path, *at)
    port, health = read.leaf(service.port, *at, "port"), read.leaf(service.health, *at, "health")
    return ServicePlan(
        name=declared,
        path=path,
        context=derive("../../{}".format, path),
        port=port,
        health=health,
        probe=derive("http://127.0.0.1:{}{}".format, port, health),
        image=derive("{}/{}:local".format, read.leaf(read.spec.model.registry, "registry"), declared),
        run=run,
        dev=read.words(service.dev, *at, "dev"),
        env=tuple(
            Variable(
                Leaf(key, read.key(*at, "env", key)),
                read.leaf(value, *at, "env", key),
                read.key(*at, "env", key),
            )
            for key, value in sorted(service.env.items())
        ),
        secrets=tuple(sorted(read.words(service.secrets, *at, "secrets"), key=lambda leaf: leaf.value)),
        migrations=_plan_migrations(read, service, run, declared),
        origin=(*declared.places, *_written(read, *at, "enabled")),
    )


def _written(read: _Reader, *loc: str) -> tuple[Place, ...]:
    """Return the place of a value that was written, nothing for one that is a default."""
    return (read.spec.place(*loc),) if read.spec.is_written(*loc) else ()


def _run(read: _Reader, service: Service, path: Leaf[str], *at: str) -> tuple[Leaf[str], ...]:
    if service.run is not None:
        return read.words(service.run, *at, "run")
    return (*(Leaf(word) for word in ("uv", "run", "--frozen", "--project")), path)


def _plan_migrations(
    read: _Reader, service: Service, run: tuple[Leaf[str], ...], name: Leaf[str]
) -> MigrationsPlan | None:
    migrations = service.migrations
    if migrations is None:
        return None
    at = ("services", name.value, "migrations")
    separate = migrations.version_table_schema
    return MigrationsPlan(
        schema=read.leaf(migrations.schema_, *at, "schema"),
        database=read.leaf(service.database, "services", name.value, "database"),
        url_env=read.leaf(migrations.url_env, *at, "url_env"),
        config=read.leaf(migrations.config, *at, "config"),
        version_table=read.leaf(migrations.version_table, *at, "version_table"),
        version_table_schema=None if separate is None else read.leaf(separate, *at, "version_table_schema"),
        python=(*run, Leaf("python")),
        worker=derive("migrate-{}".format, name),
        after=tuple(read.words(migrations.after, *at, "after")),
        origin=read.key(*at),
    )
