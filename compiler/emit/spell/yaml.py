"""Values as YAML scalars, in the one form that all readers of YAML agree on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.emit.spell.json import quote_json
from compiler.emit.spell.spelt import Spelt, by

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN_KEY = re.compile(r"[A-Z_][A-Z0-9_]*|[a-z][a-z0-9-]*[a-z0-9]")
# All but printable ASCII, and of that the quote and the backslash.
_NOT_LITERAL = re.compile(r"[^ !#-\[\]-~]")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def quote_yaml(value: str) -> str:
    """Return `value` as a double-quoted scalar of printable ASCII: the one form that all YAML readers agree on."""
    return f'"{_NOT_LITERAL.sub(escape_yaml, value)}"'


def escape_yaml(found: re.Match[str]) -> str:
    """Return the escape, inside double quotes, of the character that was found."""
    character = found[0]
    if character in '"\\':
        return "\\" + character
    code = ord(character)
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
