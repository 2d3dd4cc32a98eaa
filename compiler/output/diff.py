"""A change into the text of a unified diff, safe to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compiler.output.compare import Change

_NO_NEWLINE = "\\ No newline at end of file"
# What a terminal would act on: control characters, and those that reorder or hide text.
_HIDDEN = (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(0x7F, 0xA0)) if code not in (9, 10)}
_CONTROL |= {13: "\\r"} | {code: f"\\u{code:04x}" for code in _HIDDEN}


def unified(change: Change) -> str:
    """The unified diff from disk to output, "" for an unchanged file; control characters are shown, not sent."""
    if change.kind == "unchanged":
        return ""
    old, new = (kept.read() if kept else b"" for kept in (change.old, change.new))
    head = [
        f"--- {'/dev/null' if change.old is None else 'a/' + change.path}",
        f"+++ {'/dev/null' if change.new is None else 'b/' + change.path}",
    ]
    if change.executable and change.new is not None:
        head += ["old mode 100755", "new mode 100644"]
    if old != new and old.replace(b"\r\n", b"\n") == new.replace(b"\r\n", b"\n"):
        return "\n".join([*head, "only the line ends differ (CRLF and LF)", ""])
    return "\n".join([*head, *_hunks(_lines(old), _lines(new)), ""])


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "backslashreplace")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
        return [line.translate(_CONTROL) for line in lines]
    return [
        *(line.translate(_CONTROL) for line in lines[:-1]),
        lines[-1].translate(_CONTROL) + "\n" + _NO_NEWLINE,
    ]


def _hunks(old: list[str], new: list[str]) -> list[str]:
    from difflib import unified_diff

    return list(unified_diff(old, new, lineterm=""))[2:]
