"""One service of one environment, from its spec: names, ports, commands, migrations, each with its places."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.plan.leaf import Leaf, derive
from compiler.plan.model import MigrationsPlan, RegistryPlan, ResourcesPlan, ServicePlan, Variable
from compiler.spec.defaults import worker_memory
from compiler.spec.kinds import TENANT
from compiler.spec.resources import amount

if TYPE_CHECKING:
    from compiler.plan.read import Reader
    from compiler.spec.model import Limits, Requests, Service


def plan_service(read: Reader, name: str, service: Service) -> ServicePlan:
    """Decide everything about one service of one environment."""
    at = ("services", name)
    declared = Leaf(name, read.key(*at))
    named = derive("{}-{}".format, read.leaf(read.spec.model.platform, "platform"), declared)
    path = read.leaf(service.path, *at, "path")
    run = plan_run(read, service, path, *at)
    port, health = read.leaf(service.port, *at, "port"), read.leaf(service.health, *at, "health")
    repository = plan_repository(read, declared, service.image)
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
        migrations=plan_migrations(read, service, run, declared),
        object=named,
        repository=repository,
        registry=_registry(repository if service.image else read.leaf(read.spec.model.registry, "registry")),
        replicas=read.leaf(service.replicas, *at, "replicas"),
        requests=_resources(read, service.resources.requests, *at, "resources", "requests"),
        limits=_resources(read, service.resources.limits, *at, "resources", "limits"),
        egress=tuple(read.leaf(port, *at, "egress", i) for i, port in enumerate(service.egress)),
        secret=named if service.secret_name is None else read.leaf(service.secret_name, *at, "secret_name"),
        origin=(*declared.places, *read.written(*at, "enabled")),
    )


def plan_run(read: Reader, service: Service, path: Leaf[str], *at: str) -> tuple[Leaf[str], ...]:
    """Return the command that runs a program in the service's environment, from the repository's root."""
    if service.run is not None:
        return read.words(service.run, *at, "run")
    return (*(Leaf(word) for word in ("uv", "run", "--frozen", "--project")), path)


def plan_migrations(
    read: Reader, service: Service, run: tuple[Leaf[str], ...], name: Leaf[str]
) -> MigrationsPlan | None:
    """Decide how a service's database is migrated; nothing where it is not."""
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
        extension_schemas=read.words(migrations.extension_schemas, *at, "extension_schemas"),
        skip_env=read.leaf(migrations.skip_env, *at, "skip_env"),
        python=(*run, Leaf("python")),
        worker=derive("migrate-{}".format, name),
        memory=_worker_memory(read, service, migrations.schema_, name.value),
        after=tuple(read.words(migrations.after, *at, "after")),
        origin=read.key(*at),
    )


def _worker_memory(read: Reader, service: Service, schema: str, name: str) -> Leaf[str]:
    """Return the service's limit of memory; where nobody wrote one, as much as the stated parallelism needs."""
    at = ("services", name, "resources", "limits", "memory")
    parallelism = read.spec.model.migrations.parallelism
    limit = read.leaf(service.resources.limits.memory, *at)
    if parallelism is None or read.written(*at):
        return limit
    schemas = len(read.spec.model.tenants) if TENANT in schema else 1
    return derive(
        lambda most, many: max(f"{worker_memory(many, schemas)}Mi", most, key=amount),
        limit,
        read.leaf(parallelism, "migrations", "parallelism"),
    )


def plan_repository(read: Reader, name: Leaf[str], image: str | None) -> Leaf[str]:
    """Return where the image of a service lies, without tag and digest."""
    if image is not None:
        return read.leaf(image, "services", name.value, "image")
    return derive("{}/{}".format, read.leaf(read.spec.model.registry, "registry"), name)


def _registry(repository: Leaf[str]) -> RegistryPlan:
    host = derive(_host, repository)
    secret = derive(lambda name: "REGISTRY_" + re.sub("[^A-Z0-9]", "_", name.upper()), host)
    return RegistryPlan(
        host=host,
        github=derive("ghcr.io".__eq__, host),
        username=derive("{}_USERNAME".format, secret),
        password=derive("{}_PASSWORD".format, secret),
    )


def _host(repository: str) -> str:
    """Return the server of images: the first part if it looks like one, else Docker Hub, as Docker reads it."""
    first = repository.partition("/")[0]
    return first if "." in first or ":" in first else "docker.io"


def _resources(read: Reader, given: Requests | Limits, *at: str) -> ResourcesPlan:
    return ResourcesPlan(
        cpu=read.leaf(given.cpu, *at, "cpu"),
        memory=read.leaf(given.memory, *at, "memory"),
        storage=read.leaf(given.storage, *at, "ephemeral-storage"),
    )
