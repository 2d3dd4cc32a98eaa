"""Values as Docker Compose reads them: YAML, in which `$` begins a variable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.emit.spell.env import env_name
from compiler.emit.spell.json import quote_json
from compiler.emit.spell.spelt import Spelt, UnspeakableError, by
from compiler.emit.spell.yaml import key, quote_yaml
from compiler.plan.leaf import Leaf, unite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_SQL_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COMPOSE_DEFAULT = re.compile(r"[A-Za-z0-9._/:@+-]+")


def quote_compose(value: str) -> str:
    """Return `value` as a YAML scalar that Docker Compose does not interpolate: `$` is written `$$`."""
    return quote_yaml(value.replace("$", "$$"))


def _compose_scalar(value: object) -> str:
    return quote_compose(value) if isinstance(value, str) else quote_json(value)


def _variable_or(leaf: Leaf[str], name: str) -> Spelt:
    """Spell `${name:-value}` of Docker Compose: the variable where it is set, the plan's value otherwise."""
    if not (_ENV_NAME.fullmatch(name) and _COMPOSE_DEFAULT.fullmatch(leaf.value)):
        raise UnspeakableError(f"Compose cannot default {name} to {leaf.value!r}")
    return Spelt("compose", f'"${{{name}:-{leaf.value}}}"', leaf.places)


def _required_variable(leaf: Leaf[str]) -> Spelt:
    """Spell the `${NAME:?…}` of Docker Compose: its value, or a refusal that names it."""
    return Spelt(
        "compose", f'"${{{env_name(leaf.value)}:?is blank in .env, the first start fills it}}"', leaf.places
    )


def _optional_variable(leaf: Leaf[str]) -> Spelt:
    return Spelt("compose", f'"${{{env_name(leaf.value)}:-}}"', leaf.places)


def _published(port: Leaf[int], inside: int | None = None) -> Spelt:
    """Spell a port of a container as published on this machine only."""
    return Spelt("compose", quote_yaml(f"127.0.0.1:{port.value}:{inside or port.value}"), port.places)


def _mounted(folder: Leaf[str], target: str) -> Spelt:
    """Spell a read-only bind mount of `folder`."""
    return Spelt("compose", quote_compose(f"{folder.value}:{target}:ro"), folder.places)


def _volume(target: Leaf[str], name: str) -> Spelt:
    """Spell the mount of the named volume `name`."""
    return Spelt("compose", quote_compose(f"{name}:{target.value}"), target.places)


def _database_url(database: Leaf[str], user: Leaf[str], password_env: Leaf[str]) -> Spelt:
    """Spell the URL of a database as a container sees it; the password is a reference to a variable."""
    if not (_SQL_NAME.fullmatch(database.value) and _SQL_NAME.fullmatch(user.value)):
        raise UnspeakableError(f"{database.value!r} is no name of a database")
    password = f"${{{env_name(password_env.value)}:?is blank in .env, the first start fills it}}"
    url = f"postgresql://{user.value}:{password}@postgres:5432/{database.value}"
    return Spelt("compose", quote_yaml(url), unite(database, user, password_env))


def _compose_words(leaves: Iterable[Leaf[str]]) -> Spelt:
    words = tuple(leaves)
    return Spelt("compose", "[" + ", ".join(quote_compose(w.value) for w in words) + "]", unite(*words))


FILTERS: dict[str, Callable[..., Spelt]] = {
    "scalar": by("compose", _compose_scalar),
    "text_scalar": by("compose", lambda value: quote_compose(str(value))),
    "words": _compose_words,
    "key": by("compose", key),
    "published": _published,
    "mounted": _mounted,
    "volume": _volume,
    "database_url": _database_url,
    "variable_or": _variable_or,
    "required_variable": _required_variable,
    "optional_variable": _optional_variable,
}
