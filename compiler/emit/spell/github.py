"""Values as GitHub reads a workflow: YAML, in which `${{` begins an expression, and bash inside `run`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.emit.spell.env import env_name, identifier
from compiler.emit.spell.json import quote_json
from compiler.emit.spell.spelt import Spelt, UnspeakableError, by
from compiler.emit.spell.yaml import key, quote_yaml
from compiler.plan.leaf import unite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from compiler.plan.leaf import Leaf

# Neither YAML, nor GitHub, nor a shell reads anything but the character itself in these.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/@:+=,-]*")
_BASH_PLAIN = re.compile(r"[A-Za-z0-9._/@:+,-]+")
_TOOL = re.compile(r"[A-Za-z0-9._/@+:-]+(?: [A-Za-z0-9._/@+=:-]+)*")
_EXPRESSION = "${{"


def quote_github(value: str) -> str:
    """Return `value` as a YAML scalar in which GitHub finds no expression but the one that gives `${{` back."""
    return quote_yaml(value.replace(_EXPRESSION, "${{ '${{' }}"))


def quote_bash(value: str) -> str:
    """Return `value` as one word of a bash script inside a workflow, in printable ASCII on one line.

    Raises UnspeakableError for NUL, which no word can hold.
    """
    if "\0" in value:
        raise UnspeakableError(f"a word of a shell cannot hold {value!r}")
    if _BASH_PLAIN.fullmatch(value):
        return value
    if not (value.isascii() and value.isprintable()):
        return "$'" + "".join(map(_escape_bash, value.encode())) + "'"
    quoted = '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'
    # GitHub looks for its expressions in the text of a script, quoted or not: between two words in one it finds none.
    return quoted.replace(_EXPRESSION, '$""{{')


def _escape_bash(byte: int) -> str:
    if 0x20 <= byte < 0x7F and byte not in b"'\\${`":
        return chr(byte)
    return f"\\x{byte:02x}"


def _plain(value: object) -> str:
    text = str(value)
    if not _PLAIN.fullmatch(text):
        raise UnspeakableError(f"{text!r} cannot stand in a workflow as it is")
    return text


def _json(value: object) -> str:
    """Spell a value inside a line of JSON: `{` as an escape where GitHub would read an expression."""
    return quote_json(value).replace(_EXPRESSION, "$\\u007b{")


def _tool(value: str) -> str:
    if not _TOOL.fullmatch(value):
        raise UnspeakableError(f"{value!r} is no command of plain words")
    return value


def _words(leaves: Iterable[Leaf[str]]) -> Spelt:
    """Spell a command as words of bash."""
    words = tuple(leaves)
    pieces = []
    for number, word in enumerate(words):
        pieces.append(((" " if number else "") + quote_bash(word.value), word.places))
    return Spelt("github", "".join(text for text, _ in pieces), unite(*words), tuple(pieces))


def _variable(leaf: Leaf[str]) -> Spelt:
    """Spell the name of a variable or of a secret."""
    return Spelt("github", env_name(leaf.value), leaf.places)


def _schema(leaf: Leaf[str], tenant: str) -> Spelt:
    """Spell the schema of `tenant`; a schema that all tenants share is itself."""
    return Spelt("github", _plain(leaf.value.replace("{tenant}", tenant)), leaf.places)


FILTERS: dict[str, Callable[..., Spelt]] = {
    "scalar": by("github", lambda value: quote_github(str(value))),
    "plain": by("github", _plain),
    "name": by("github", identifier),
    "key": by("github", lambda value: key(env_name(value))),
    "variable": _variable,
    "json": by("github", _json),
    "word": by("github", quote_bash),
    "words": _words,
    "tool": by("github", _tool),
    "schema": _schema,
}
