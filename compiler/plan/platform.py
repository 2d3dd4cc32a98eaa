"""What every environment shares, from the spec: how a pull request is checked, whatever it is deployed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.plan.leaf import Leaf, derive, unite
from compiler.plan.model import CheckedServicePlan, Items, PlatformPlan, SnapshotPlan
from compiler.plan.read import Reader
from compiler.plan.service import plan_migrations, plan_repository, plan_run
from compiler.spec.order import in_order

if TYPE_CHECKING:
    from compiler.spec.spec import Spec

_SCRATCH = "ci"


def plan_platform(spec: Spec) -> PlatformPlan | None:
    """Decide how a pull request is checked; nothing where no repository is written.

    Reads what platform.yaml alone may hold, so that any environment will do (but a local one may have a PostgreSQL of
    its own), and of every environment whether it compares schemas with a snapshot.
    """
    read = Reader(min(spec.environments, key=lambda environment: environment.tier == "local"))
    model = read.spec.model
    if model.repository is None:
        return None
    platform = read.leaf(model.platform, "platform")
    return PlatformPlan(
        platform=platform,
        repository=read.leaf(model.repository, "repository"),
        prefix=plan_prefix(read),
        setup=read.words(model.workflows.setup, "workflows", "setup"),
        tool=read.leaf(model.tool, "tool"),
        tenants_env=read.leaf(model.tenants_env, "tenants_env"),
        postgres_image=read.leaf(model.postgres.image, "postgres", "image"),
        downgrade_test=read.leaf(model.rollback.downgrade_test, "rollback", "downgrade_test"),
        services=_services(read, spec),
    )


def plan_prefix(read: Reader) -> Leaf[str]:
    """Return the first part of the workflows' file names."""
    model = read.spec.model
    if model.workflows.prefix is None:
        return read.leaf(model.platform, "platform")
    return read.leaf(model.workflows.prefix, "workflows", "prefix")


def plan_snapshot(spec: Spec, service: str) -> SnapshotPlan | None:
    """Decide how the snapshot of a service that migrates is made; nothing where none is needed, or none can be made.

    It is needed where an environment that has the service says `verify: drift`, and made by the local environment.
    """
    enabled = [Reader(one) for one in spec.having(service)]
    comparing = [read for read in enabled if read.spec.model.migrations.verify == "drift"]
    local = next((read for read in enabled if read.spec.tier == "local"), None)
    if local is None or not comparing:
        return None
    deciders = [read.leaf("drift", "migrations", "verify") for read in comparing]
    deciders += [Leaf(True, read.written("services", service, "enabled")) for read in (local, *comparing)]
    name = local.leaf(local.spec.model.environment, "environment")
    return SnapshotPlan(
        plan=derive("out/{}/plan.json".format, name),
        runner=derive("out/{}/runner".format, name),
        origin=unite(*deciders),
    )


def _scratch(database: str) -> str:
    """Return the name of a database that is not the service's own, which the runner makes."""
    return _SCRATCH if database != _SCRATCH else f"{_SCRATCH}_2"


def _services(read: Reader, spec: Spec) -> Items[CheckedServicePlan]:
    services = read.spec.model.services
    after = {
        name: set(service.migrations.after)
        for name, service in services.items()
        if service.migrations is not None
    }
    order = in_order(after)[0]
    names = [*order, *sorted(name for name in services if name not in order)]
    found = []
    for name in names:
        service, at = services[name], ("services", name)
        declared = Leaf(name, read.key(*at))
        path = read.leaf(service.path, *at, "path")
        run = plan_run(read, service, path, *at)
        migrations = plan_migrations(read, service, run, declared)
        snapshot = None if migrations is None else plan_snapshot(spec, name)
        found.append(
            CheckedServicePlan(
                name=declared,
                path=path,
                repository=plan_repository(read, declared, None),
                run=run,
                lint=read.words(service.lint, *at, "lint"),
                test=read.words(service.test, *at, "test"),
                migrations=migrations,
                snapshot=snapshot,
                scratch=derive(_scratch, migrations.database) if migrations and snapshot else Leaf(_SCRATCH),
                origin=declared.places,
            )
        )
    ordered = tuple(leaf for service in found if service.migrations for leaf in service.migrations.after)
    return Items(tuple(found), derive(lambda *_: None, *ordered).places)
