"""Values as lines of a `.env` file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.emit.spell.spelt import Spelt, UnspeakableError, by, require_seen

if TYPE_CHECKING:
    from collections.abc import Callable

_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_IDENTIFIER = re.compile(r"[A-Z_][A-Z0-9_]*|[a-z](?:[a-z0-9-]*[a-z0-9])?")


def quote_env(value: str) -> str:
    """Return `value` in single quotes, the form of a `.env` file in which nothing is interpolated.

    Raises UnspeakableError for what readers of such files do not understand alike: a quote, a backslash before one,
    and what nobody sees.
    """
    require_seen(value)
    if "'" in value or value.endswith("\\"):
        raise UnspeakableError(f"a .env file cannot carry {value!r}")
    return f"'{value}'"


def env_name(value: str) -> str:
    """Return `value`, the name of an environment variable."""
    if not _ENV_NAME.fullmatch(value):
        raise UnspeakableError(f"{value!r} is no name of an environment variable")
    return value


def identifier(value: str) -> str:
    """Return `value`, a name of the spec's that stands where nothing is quoted."""
    if not _IDENTIFIER.fullmatch(value):
        raise UnspeakableError(f"{value!r} is no name of a service or a variable")
    return value


FILTERS: dict[str, Callable[..., Spelt]] = {
    "name": by("env", env_name),
    "comment": by("env", identifier),
    "value": by("env", quote_env),
}
