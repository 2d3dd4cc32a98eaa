"""Turns `.env` as the user left it into one that is complete for this start, and says what it changed."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import dotenv
from .console import DevError, note

if TYPE_CHECKING:
    from collections.abc import Callable

    from .project import Project, Service
    from .state import State

URL_SAFE = re.compile(r"[A-Za-z0-9._~-]+")


def values(project: Project) -> dict[str, str]:
    """What `.env` holds now; empty without the file."""
    return dotenv.read(project.root / ".env").values()


def prepare(project: Project, state: State, data_exist: Callable[[], bool]) -> dict[str, str]:
    """Complete `.env` and return its values; raises DevError for what only the user can decide.

    `data_exist` is asked when the password is blank: it cannot be invented anew for a database that was made.
    Of two first starts at once the second one takes what the first one wrote.
    """
    with state.one_at_a_time():
        return _prepare(project, state, data_exist)


def _prepare(project: Project, state: State, data_exist: Callable[[], bool]) -> dict[str, str]:
    path = project.root / ".env"
    before = _start_text(project)
    text, password = _with_password(project, before, data_exist)
    text, filled, updated = _with_urls(project, state, text, password)
    if password != before.values().get(project.postgres.password_env, ""):
        filled.insert(0, project.postgres.password_env)
    text = _with_tenants(project, text)
    if text != before or not path.exists() or path.stat().st_mode & 0o077:
        dotenv.write(path, text.text)
    written = {name: text.values()[name] for name in filled + updated}
    if written:
        state.remember_written(written)
    if filled:
        note(f"filled in .env: {', '.join(filled)} (local values, made at random)")
    if updated:
        note(f"brought up to date in .env: {', '.join(updated)}")
    return text.values()


def say_blank_secrets(project: Project, found: dict[str, str], environment: dict[str, str]) -> None:
    """Name each service's own secret that has no value: the service starts, but misses it."""
    for service in project.services:
        blank = [name for name in service.secrets if not (found.get(name) or environment.get(name))]
        if blank:
            note(f"{service.name}: {', '.join(blank)} is blank in .env")


def _start_text(project: Project) -> dotenv.EnvText:
    if (project.root / ".env").exists():
        return dotenv.read(project.root / ".env")
    if not (project.root / ".env.example").exists():
        raise DevError(
            "neither .env nor .env.example exists", "run `gen`, then `cp .env.example .env`", code=2
        )
    note("made .env from .env.example")
    return dotenv.read(project.root / ".env.example")


def _with_password(
    project: Project, text: dotenv.EnvText, data_exist: Callable[[], bool]
) -> tuple[dotenv.EnvText, str]:
    name = project.postgres.password_env
    password = text.values().get(name, "")
    if password and not URL_SAFE.fullmatch(password):
        raise DevError(
            f"{name} in .env cannot stand in a database URL as it is",
            "use letters, digits and . _ ~ - only, or leave it blank: it is then filled at random",
            code=2,
        )
    if password:
        return text, password
    if data_exist():
        raise DevError(
            f"{name} is blank in .env, but the local database was made with a password",
            f"put the former {name} back into .env\nor wipe the local data: `{project.script('dev death')}`",
        )
    password = secrets.token_hex(24)
    return text.with_value(name, password), password


def _with_urls(
    project: Project, state: State, text: dotenv.EnvText, password: str
) -> tuple[dotenv.EnvText, list[str], list[str]]:
    """Every `url_env` complete: a blank one is filled, an old one of ours renewed, a user's one kept."""
    filled, updated = [], []
    for service in project.services:
        if not service.url_env:
            continue
        wanted = url(project, service, password)
        current = text.values().get(service.url_env, "")
        if not current:
            filled.append(service.url_env)
        elif current == wanted or _same(current, wanted):
            continue
        elif state.wrote(service.url_env, current):
            updated.append(service.url_env)
        else:
            note(
                f"{service.url_env} in .env is kept: it was typed by hand and leads elsewhere than {project.platform}'s"
                f" own PostgreSQL at 127.0.0.1:{project.postgres.port}; leave it blank to have it filled"
            )
            continue
        text = text.with_value(service.url_env, wanted)
    return text, filled, updated


def url(project: Project, service: Service, password: str) -> str:
    """The database URL of a service on this machine."""
    postgres = project.postgres
    return f"postgresql://{postgres.user}:{password}@127.0.0.1:{postgres.port}/{service.database}"


def _same(current: str, wanted: str) -> bool:
    """Whether two URLs lead to the same database: the driver and another name of this machine do not count."""

    def plain(value: str) -> str:
        value = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", value)
        host = urlsplit(value).hostname if "@" in value else None
        return value.replace("@localhost", "@127.0.0.1", 1) if host == "localhost" else value

    try:
        return plain(current) == plain(wanted)
    except ValueError:
        return False


def _with_tenants(project: Project, text: dotenv.EnvText) -> dotenv.EnvText:
    """The tenants are stated in the specification; their line in `.env` follows it."""
    current = text.values().get(project.tenants_env)
    if current == project.tenants:
        return text
    if current:
        note(f"{project.tenants_env} in .env follows the specification: {current} -> {project.tenants}")
    return text.with_value(project.tenants_env, project.tenants, quote="'")
