"""Turns this process's environment and `.env` into the environment of a child."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .project import Project, Service

# They would lead a service's Python to the tool's own environment.
DROPPED = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "UV_PROJECT_ENVIRONMENT")


def base() -> dict[str, str]:
    """This process's environment, with the tool's programs on PATH and without its Python's variables."""
    found = {name: value for name, value in os.environ.items() if name not in DROPPED}
    found["PATH"] = search_path()
    return found


def search_path() -> str:
    """PATH with the folder of the tool's own programs first, where uv lies when the system has none."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def which(program: str) -> str | None:
    """Where a child would find a program."""
    return shutil.which(program, path=search_path())


def of_runner(project: Project, values: Mapping[str, str]) -> dict[str, str]:
    """What the runner and its workers need: the tenants and every service's database URL."""
    found = {**base(), project.tenants_env: project.tenants}
    for service in project.services:
        if service.url_env and values.get(service.url_env):
            found[service.url_env] = values[service.url_env]
    return found


def of_service(project: Project, service: Service, values: Mapping[str, str]) -> dict[str, str]:
    """What one service needs: port, tenants, its URL, its variables of the specification, its secrets.

    A secret that is blank in `.env` is left to what the shell has.
    """
    found = {**base(), "PYTHONUNBUFFERED": "1", **service.env}
    found |= {"HOST": "127.0.0.1", "PORT": str(service.port), project.tenants_env: project.tenants}
    names = [*service.secrets, *([service.url_env] if service.url_env else [])]
    found |= {name: values[name] for name in names if values.get(name)}
    return found


def of_compose(project: Project, values: Mapping[str, str]) -> dict[str, str]:
    """What Docker Compose needs: as with the other way, `.env` counts before the shell."""
    names = {project.postgres.password_env, project.tenants_env}
    for service in project.services:
        names |= {*service.secrets, *([service.url_env] if service.url_env else [])}
    return {**os.environ, **{name: values[name] for name in sorted(names) if values.get(name)}}
