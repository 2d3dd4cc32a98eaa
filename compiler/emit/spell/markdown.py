"""Values as Markdown that shows them literally."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.emit.spell.spelt import Spelt, UnspeakableError, by, require_seen

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_COMMAND = re.compile(r"[A-Za-z0-9._/@+=: -]+")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
_SCRIPT_NAME = re.compile(r"[a-z0-9:-]*")


def code_markdown(value: str) -> str:
    """Return `value` as code, in which nothing is read as a link, a name of a person or markup, in a table too.

    A span with a fence longer than any run of backticks inside; what a span in a table cannot hold is an element.
    Raises UnspeakableError for what nobody would see.
    """
    require_seen(value)
    if "|" in value or not value:
        return f"<code>{''.join(map(_entity, value))}</code>"
    fence = "`" * (max((len(run) for run in re.findall(r"`+", value)), default=0) + 1)
    # A span loses one space at each end if it has one at both.
    pad = " " if value[0] == "`" or value[-1] == "`" or _spaced(value) else ""
    return f"{fence}{pad}{value}{pad}{fence}"


def _spaced(value: str) -> bool:
    return value[0] == value[-1] == " " and not value.isspace()


def _entity(character: str) -> str:
    if character.isalnum() or character == " ":
        return character
    # What a comment parts is no address.
    return f"&#{ord(character)};" + ("<!-- -->" if character == "@" else "")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise UnspeakableError(f"{value!r} is no name")
    return value


def _word(value: object) -> str:
    """Spell a name inside a block of code, where nothing can be escaped."""
    if not _WORD.fullmatch(str(value)):
        raise UnspeakableError(f"{value!r} is no word of a command")
    return str(value)


def _command(value: str) -> str:
    """Spell the tool inside a block of code."""
    if not _COMMAND.fullmatch(value):
        raise UnspeakableError(f"{value!r} is no command")
    return value


def _script_name(value: str) -> str:
    if not _SCRIPT_NAME.fullmatch(value):
        raise UnspeakableError(f"{value!r} is no part of a script's name")
    return value


FILTERS: dict[str, Callable[..., Spelt]] = {
    "text": by("markdown", _name),
    "code": by("markdown", lambda value: code_markdown(str(value))),
    "command": by("markdown", _command),
    "yes_or_no": by("markdown", lambda value: "yes" if value else "no"),
    "word": by("markdown", _word),
    "script": by("markdown", _script_name),
    "node_id": by("markdown", lambda value: _name(value).replace("-", "_")),
    "node": by("markdown", _name),
}
