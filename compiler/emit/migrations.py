"""The plan of an environment into what the runner reads: the document of `plan.json`, and the runner's own sources."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from compiler.emit.bare import bare, sources
from compiler.emit.structure import Json, Owned

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan, MigrationsPlan, ServicePlan

VERSION = 1


def plan_document(env: EnvironmentPlan) -> Json:
    """Return the document of `plan.json`, as `genmigrate/plan.schema.json` describes it."""
    return {
        "version": VERSION,
        "platform": env.platform,
        "environment": env.name,
        "tenants": env.tenants,
        "tenants_env": env.tenants_env,
        "create_databases": env.local,
        "session": {
            "lock_timeout_ms": env.session.lock_timeout_ms,
            "statement_timeout_ms": env.session.statement_timeout_ms,
        },
        "policy": {
            "parallelism": env.policy.parallelism,
            "canary": Owned(env.policy.canary.items, env.policy.canary.origin),
            "max_failed_tenants": env.policy.max_failed_tenants,
            "lock_retries": env.policy.lock_retries,
            "verify": env.policy.verify,
            "max_downgrade": env.policy.max_downgrade,
        },
        "services": Owned(
            [
                Owned(_service(service, service.migrations), service.origin)
                for service in env.services
                if service.migrations is not None
            ],
            env.services.origin,
        ),
    }


def _service(service: ServicePlan, migrations: MigrationsPlan) -> Json:
    separate = migrations.version_table_schema
    return {
        "name": service.name,
        "path": service.path,
        "python": migrations.python,
        "schema": migrations.schema,
        "database": migrations.database,
        "url_env": migrations.url_env,
        "config": migrations.config,
        "version_table": migrations.version_table,
        **({} if separate is None else {"version_table_schema": Owned(separate, separate.places)}),
        "extension_schemas": migrations.extension_schemas,
        "skip_env": migrations.skip_env,
    }


# What only a repository asks for. A cluster's files hold 262,144 bytes, so its copy of the runner goes without.
REPOSITORY_ONLY = frozenset(
    {"ask.py", "create.py", "downgrade.py", "models.py", "render.py", "scratch.py", "take.py"}
)


@cache
def runner_sources(*, deployed: bool) -> tuple[tuple[str, str], ...]:
    """Return name and text of each module of the runner as an environment carries it."""
    return tuple(
        (name, bare(text)) for name, text in sources() if not deployed or name not in REPOSITORY_ONLY
    )
