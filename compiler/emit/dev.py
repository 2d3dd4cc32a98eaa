"""The plan of the local environment into `dev.json`: what `gen dev` starts on a laptop, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, owned, per_environment
from compiler.emit.structure import Json, Owned, write_json

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan, ServicePlan

VERSION = 1


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    if not env.local:
        return ()
    content = owned(write_json(_document(env)), env.local.places)
    return (OutputFile(f"out/{env.name.value}/dev.json", env.name.value, content),)


def _document(env: EnvironmentPlan) -> Json:
    return {
        "version": VERSION,
        "platform": env.platform,
        "environment": env.name,
        "tenants": {"env": env.tenants_env, "value": env.tenants_value},
        "postgres": {
            "version": env.postgres.version,
            "port": env.postgres.port,
            "user": env.postgres.user,
            "password_env": env.postgres.password_env,
        },
        "services": Owned(
            [Owned(_service(service), service.origin) for service in env.services], env.services.origin
        ),
    }


def _service(service: ServicePlan) -> Json:
    migrations = service.migrations
    return {
        "name": service.name,
        "path": service.path,
        "port": service.port,
        "health": service.health,
        "run": service.run,
        "dev": service.dev,
        "env": {variable.name.value: Owned(variable.value, variable.origin) for variable in service.env},
        "secrets": service.secrets,
        **(
            {}
            if migrations is None
            else {
                "database": Owned(migrations.database, migrations.origin),
                "url_env": Owned(migrations.url_env, migrations.origin),
            }
        ),
    }


DEV = Emitter("dev", ("out/{environment}/dev.json",), per_environment(_emit))
