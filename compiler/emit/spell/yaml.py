"""Values as YAML scalars, in the one form that all readers of YAML agree on."""

from __future__ import annotations


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
