"""What every environment shares, from the spec: how a pull request is checked, whatever it is deployed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.plan.leaf import Leaf, derive
from compiler.plan.model import CheckedServicePlan, Items, PlatformPlan
from compiler.plan.read import Reader
from compiler.plan.service import plan_migrations, plan_repository, plan_run
from compiler.spec.order import in_order

if TYPE_CHECKING:
    from compiler.spec.spec import Spec


def plan_platform(spec: Spec) -> PlatformPlan | None:
    """Decide how a pull request is checked; nothing where no repository is written.

    Reads only what platform.yaml alone may hold, so any environment will do; but a local one may have a PostgreSQL of
    its own.
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
        services=_services(read),
    )


def plan_prefix(read: Reader) -> Leaf[str]:
    """Return the first part of the workflows' file names."""
    model = read.spec.model
    if model.workflows.prefix is None:
        return read.leaf(model.platform, "platform")
    return read.leaf(model.workflows.prefix, "workflows", "prefix")


def _services(read: Reader) -> Items[CheckedServicePlan]:
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
        found.append(
            CheckedServicePlan(
                name=declared,
                path=path,
                repository=plan_repository(read, declared, None),
                run=run,
                lint=read.words(service.lint, *at, "lint"),
                test=read.words(service.test, *at, "test"),
                migrations=plan_migrations(read, service, run, declared),
                origin=declared.places,
            )
        )
    ordered = tuple(leaf for service in found if service.migrations for leaf in service.migrations.after)
    return Items(tuple(found), derive(lambda *_: None, *ordered).places)
