"""Values as Markdown that shows them literally."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from compiler.emit.spell.env import identifier
from compiler.emit.spell.spelt import Spelt, UnspeakableError, by

if TYPE_CHECKING:
    from collections.abc import Callable

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$])")
_COMMAND = re.compile(r"[A-Za-z0-9._/@+=: -]+")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
_SCRIPT_NAME = re.compile(r"[a-z0-9:-]*")


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


def _node_markdown(value: object) -> str:
    """Spell a label of a Mermaid node: quoted, with every character but plain ones as an entity."""
    return "".join(c if c.isascii() and (c.isalnum() or c in " -._/:") else f"#{ord(c)};" for c in str(value))


FILTERS: dict[str, Callable[..., Spelt]] = {
    "text": by("markdown", lambda value: escape_markdown(str(value))),
    "code": by("markdown", lambda value: code_markdown(str(value))),
    "command": by("markdown", _command),
    "yes_or_no": by("markdown", lambda value: "yes" if value else "no"),
    "word": by("markdown", _word),
    "script": by("markdown", _script_name),
    "node_id": by("markdown", lambda value: identifier(value).replace("-", "_")),
    "node": by("markdown", _node_markdown),
}
