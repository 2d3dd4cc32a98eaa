"""The plan of an environment into `plan.json`, the runner's contract, and the runner that reads it beside it."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, Text, per_environment
from compiler.emit.structure import Json, Owned, write_json

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan, MigrationsPlan, ServicePlan

VERSION = 1


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    folder = f"out/{env.name.value}"
    return (
        OutputFile(f"{folder}/plan.json", env.name.value, write_json(_plan(env))),
        *(
            OutputFile(f"{folder}/runner/genmigrate/{name}", env.name.value, Text(text))
            for name, text in _runner_sources()
        ),
    )


def _plan(env: EnvironmentPlan) -> Json:
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
    }


@cache
def _runner_sources() -> tuple[tuple[str, str], ...]:
    """Return name and text of each module of the runner, which is found but never imported."""
    package = find_spec("genmigrate")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the package genmigrate is missing from this installation")
    return tuple(
        (path.name, path.read_text(encoding="utf-8"))
        for path in sorted(Path(package.origin).parent.glob("*.py"))
    )


RUNNER = Emitter(
    "runner",
    ("out/{environment}/plan.json", "out/{environment}/runner/genmigrate/*.py"),
    per_environment(_emit),
)
