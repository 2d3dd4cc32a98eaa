"""Values as YAML scalars, in the one form that all readers of YAML agree on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.emit.spell.json import quote_json
from compiler.emit.spell.spelt import Spelt, by

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN_KEY = re.compile(r"[A-Z_][A-Z0-9_]*|[a-z][a-z0-9-]*[a-z0-9]")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def quote_yaml(value: str) -> str:
    """Return `value` as a double-quoted scalar of printable ASCII: the one form that all YAML readers agree on."""
    if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
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


def plain_or_quoted(value: object) -> str:
    """Return a number or a truth value as it is, and text as a double-quoted scalar."""
    return quote_yaml(value) if isinstance(value, str) else quote_json(value)


def key(value: str) -> str:
    """Return a name of the spec's (a service, a variable) as the key of a mapping."""
    plain = _PLAIN_KEY.fullmatch(value) and value.lower() not in _YAML_WORDS
    return value if plain else quote_yaml(value)


FILTERS: dict[str, Callable[..., Spelt]] = {
    "scalar": by("yaml", plain_or_quoted),
    "key": by("yaml", key),
}
