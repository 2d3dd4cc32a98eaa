"""Turns environment variables, completed by the nearest `.env`, into one frozen Settings value."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

DATABASE_URL = "WORKFLOW_DATABASE_URL"
API_KEY = "WORKFLOW_API_KEY"
DRIVER = "postgresql+psycopg2"
DEFAULT_PORT = "8006"
MIGRATE_COMMAND = "npm run migrate"

SERVICE_FOLDER = Path(__file__).resolve().parent.parent
# Tenants and schemas reach SQL, so only these letters are ever accepted.
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]*")
SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
LOG_LEVELS = ("critical", "error", "warning", "info", "debug", "trace")
ENV_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<key>[A-Za-z_]\w*)\s*=
        (?:\s*'(?P<single>[^']*)'|\s*"(?P<double>[^"]*)"|(?P<bare>.*?))
        (?:\s+\#.*)?\s*""",
    re.VERBOSE,
)


class SettingsError(Exception):
    """A variable is missing or cannot be used; the message names it and says what to do."""


@dataclass(frozen=True)
class Settings:
    """What the service needs to start."""

    tenants: tuple[str, ...]
    database_url: URL
    host: str
    port: int
    log_level: str
    # Blank: the service starts, and its endpoint says that the key is missing.
    api_key: str = field(default="", repr=False)


def nearest_env_file(folder: Path) -> Path | None:
    """The first `.env` file in `folder` or a folder above it, or None."""
    return next((f / ".env" for f in (folder, *folder.parents) if (f / ".env").is_file()), None)


def read_env_file(path: Path) -> dict[str, str]:
    """The `KEY=value` lines of one file; quotes are taken off, comments and other lines are skipped."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    values = {}
    for line in lines:
        if match := ENV_LINE.fullmatch(line):
            values[match["key"]] = match["single"] or match["double"] or (match["bare"] or "").strip()
    return values


def variable(name: str, default: str = "") -> str:
    """A variable of the environment; if it is unset or blank, of the nearest `.env`; else `default`."""
    if value := os.environ.get(name, "").strip():
        return value
    env_file = nearest_env_file(SERVICE_FOLDER)
    return (read_env_file(env_file).get(name, "").strip() if env_file else "") or default


def required(name: str) -> str:
    """Like `variable`, but a missing value raises SettingsError."""
    if value := variable(name):
        return value
    raise SettingsError(f"{name} is not set: set it in the environment or in .env at the repository's root")


def tenants() -> tuple[str, ...]:
    """The tenants of this environment in their given order, each once."""
    listed = (name.strip() for name in required("ELEVAITE_TENANTS").split(","))
    names = tuple(dict.fromkeys(name for name in listed if name))
    for name in names:
        if not TENANT.fullmatch(name):
            raise SettingsError(f"ELEVAITE_TENANTS: {name!r} is not a tenant (a-z, 0-9, - and _ are allowed)")
        schema_of(name)
    if not names:
        raise SettingsError("ELEVAITE_TENANTS names no tenant")
    return names


def schema_of(tenant: str) -> str:
    """The schema that holds one tenant's tables."""
    return checked_schema("workflow_" + tenant.replace("-", "_"), f"the schema of tenant {tenant!r}")


def checked_schema(name: str, origin: str) -> str:
    """`name` if it is a plain identifier; raises SettingsError, which begins with `origin`, otherwise."""
    if not SCHEMA.fullmatch(name) or name == "information_schema":
        raise SettingsError(f"{origin}: {name!r} is not a schema (a-z, 0-9 and _, at most 63, not pg_…)")
    return name


def database_url() -> URL:
    """The service's database with the driver that the service uses."""
    value = required(DATABASE_URL)
    try:
        url = make_url(value)
    except (ArgumentError, ValueError) as error:
        # Never the value itself: it holds a password.
        form = "postgresql://user:password@host:5432/name"
        raise SettingsError(f"{DATABASE_URL} is not a database URL ({form})") from error
    if url.get_backend_name() != "postgresql":
        raise SettingsError(f"{DATABASE_URL} must be a postgresql:// URL, not {url.drivername}://")
    return url.set(drivername=DRIVER)


def load_settings() -> Settings:
    """Everything the service needs, read now; raises SettingsError."""
    port = variable("PORT", DEFAULT_PORT)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SettingsError(f"PORT: {port!r} is not a port number (1 to 65535)")
    log_level = variable("LOG_LEVEL", "info").lower()
    if log_level not in LOG_LEVELS:
        raise SettingsError(f"LOG_LEVEL: {log_level!r} is not one of {', '.join(LOG_LEVELS)}")
    host = variable("HOST", "127.0.0.1")
    return Settings(tenants(), database_url(), host, int(port), log_level, variable(API_KEY))
