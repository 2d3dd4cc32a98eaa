"""A value of the plan into the text of one target: every rule of quoting, each next to its reader."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from compiler.plan.leaf import Leaf, unite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from compiler.diagnostics.model import Place

_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_PLAIN_KEY = re.compile(r"[A-Z_][A-Z0-9_]*|[a-z][a-z0-9-]*[a-z0-9]")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_SCRIPT_NAME = re.compile(r"[a-z0-9:-]*")
_SQL_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COMPOSE_DEFAULT = re.compile(r"[A-Za-z0-9._/:@+-]+")
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$])")


@dataclass(frozen=True, slots=True)
class Spelt:
    """A text that was spelt for `target` and for no other reader, with the places of what it spells."""

    target: str
    text: str
    places: tuple[Place, ...] = ()


class UnspeakableError(Exception):
    """A value that this target cannot carry reached a template: a rule of the spec is missing (our mistake)."""


def quote_yaml(value: str) -> str:
    """Return `value` as a double-quoted scalar of printable ASCII: the one form that all YAML readers agree on."""
    return '"' + "".join(_escape_yaml(character) for character in value) + '"'


def _escape_yaml(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    if 0x20 <= code < 0x7F:
        return character
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote_compose(value: str) -> str:
    """Return `value` as a YAML scalar that Docker Compose does not interpolate: `$` is written `$$`."""
    return quote_yaml(value.replace("$", "$$"))


def quote_env(value: str) -> str:
    """Return `value` in single quotes, the form of a `.env` file in which nothing is interpolated.

    Raises UnspeakableError for a quote or a line break, which no reader of such files understands alike.
    """
    if "'" in value or "\n" in value:
        raise UnspeakableError(f"a .env file cannot carry {value!r}")
    return f"'{value}'"


def quote_json(value: object) -> str:
    """Return `value` as JSON of printable ASCII."""
    return encode_basestring_ascii(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)


def escape_markdown(value: str) -> str:
    """Return `value` as Markdown that shows it literally, in a table cell too; invisible characters as entities."""
    escaped = _MARKDOWN_SPECIAL.sub(r"\\\1", value.replace("\n", " "))
    return "".join(c if unicodedata.category(c)[0] != "C" else f"&#x{ord(c):X};" for c in escaped)


def code_markdown(value: str) -> str:
    """Return `value` as an inline code span; the fence is longer than any run of backticks inside."""
    text = "".join(
        c for c in value.replace("\n", " ").replace("|", "\\|") if unicodedata.category(c)[0] != "C"
    )
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _env_name(value: str) -> str:
    if not _ENV_NAME.fullmatch(value):
        raise UnspeakableError(f"{value!r} is no name of an environment variable")
    return value


def _identifier(value: str) -> str:
    if not _PLAIN_KEY.fullmatch(value):
        raise UnspeakableError(f"a comment carries names of services only, not {value!r}")
    return value


def _script_name(value: str) -> str:
    if not _SCRIPT_NAME.fullmatch(value):
        raise UnspeakableError(f"{value!r} is no part of a script's name")
    return value


def _compose_scalar(value: object) -> str:
    return quote_compose(value) if isinstance(value, str) else quote_json(value)


def _filter(target: str, spell: Callable[[Any], str]) -> Callable[[Leaf[Any]], Spelt]:
    def apply(leaf: Leaf[Any]) -> Spelt:
        return Spelt(target, spell(leaf.value), leaf.places)

    return apply


def _variable_or(leaf: Leaf[str], name: str) -> Spelt:
    """Spell `${name:-value}` of Docker Compose: the variable where it is set, the plan's value otherwise."""
    if not (_ENV_NAME.fullmatch(name) and _COMPOSE_DEFAULT.fullmatch(leaf.value)):
        raise UnspeakableError(f"Compose cannot default {name} to {leaf.value!r}")
    return Spelt("compose", f'"${{{name}:-{leaf.value}}}"', leaf.places)


def _required_variable(leaf: Leaf[str]) -> Spelt:
    """Spell the `${NAME:?…}` of Docker Compose: its value, or a refusal that names it."""
    return Spelt(
        "compose", f'"${{{_env_name(leaf.value)}:?is blank in .env, the first start fills it}}"', leaf.places
    )


def _optional_variable(leaf: Leaf[str]) -> Spelt:
    return Spelt("compose", f'"${{{_env_name(leaf.value)}:-}}"', leaf.places)


def _key(leaf: Leaf[str]) -> Spelt:
    """Spell a name of the spec (a service, a variable) as the key of a mapping."""
    plain = _PLAIN_KEY.fullmatch(leaf.value) and leaf.value.lower() not in _YAML_WORDS
    return Spelt("compose", leaf.value if plain else quote_compose(leaf.value), leaf.places)


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
    password = f"${{{_env_name(password_env.value)}:?is blank in .env, the first start fills it}}"
    url = f"postgresql://{user.value}:{password}@postgres:5432/{database.value}"
    return Spelt("compose", quote_yaml(url), unite(database, user, password_env))


def _compose_words(leaves: Iterable[Leaf[str]]) -> Spelt:
    words = tuple(leaves)
    return Spelt("compose", "[" + ", ".join(quote_compose(w.value) for w in words) + "]", unite(*words))


def _node_markdown(value: object) -> str:
    """Spell a label of a Mermaid node: quoted, with every character but plain ones as an entity."""
    return "".join(c if c.isascii() and (c.isalnum() or c in " -._/:") else f"#{ord(c)};" for c in str(value))


# target → name of a filter → how it spells. A template sees the filters of its own target only.
FILTERS: dict[str, dict[str, Callable[..., Spelt]]] = {
    "compose": {
        "scalar": _filter("compose", _compose_scalar),
        "text_scalar": _filter("compose", lambda value: quote_compose(str(value))),
        "words": _compose_words,
        "key": _key,
        "published": _published,
        "mounted": _mounted,
        "volume": _volume,
        "database_url": _database_url,
        "variable_or": _variable_or,
        "required_variable": _required_variable,
        "optional_variable": _optional_variable,
    },
    "env": {
        "name": _filter("env", _env_name),
        "comment": _filter("env", _identifier),
        "value": _filter("env", quote_env),
    },
    "markdown": {
        "text": _filter("markdown", lambda value: escape_markdown(str(value))),
        "code": _filter("markdown", lambda value: code_markdown(str(value))),
        "script": _filter("markdown", _script_name),
        "node_id": _filter("markdown", lambda value: _identifier(value).replace("-", "_")),
        "node": _filter("markdown", _node_markdown),
    },
}
