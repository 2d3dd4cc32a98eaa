"""Turns the text of a `.env` file into values, and an edit of one value into a text that keeps the rest."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

# all up to the sign with the name in it (some editors begin a file with a mark of its byte order), and all
# that follows the sign on the line
LINE = re.compile(
    r"(?P<head>\ufeff?[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=)(?P<rest>.*)"
)
QUOTED = re.compile(r"([ \t]*)(['\"])(.*?)\2")


@dataclass(frozen=True)
class EnvText:
    """The text of a `.env` file; the last line of a name counts, as Docker Compose has it."""

    text: str

    def values(self) -> dict[str, str]:
        """Every variable with its value: one pair of quotes removed, or cut at ` #`."""
        found: dict[str, str] = {}
        for line in self.text.split("\n"):
            match = LINE.fullmatch(line.rstrip("\r"))
            if match:
                found[match["name"]] = _split(match["rest"])[2]
        return found

    def with_value(self, name: str, value: str, quote: str = "") -> EnvText:
        """The text with `name` set to `value`; the line's comment and quotes stay, all other bytes too.

        A name that has no line gets one at the end, with `quote` around its value. `value` must hold no
        quote, `#`, blank or line end: raises ValueError.
        """
        if re.search(r"['\"#\s]", value):
            raise ValueError(f"{name}: a value that needs escapes is not written")
        lines = re.split(r"(?<=\n)", self.text)
        for number in range(len(lines) - 1, -1, -1):
            body = lines[number].rstrip("\r\n")
            match = LINE.fullmatch(body)
            if match and match["name"] == name:
                blanks, mark, _, tail = _split(match["rest"])
                gap = " " if tail.startswith("#") else ""
                edited = f"{match['head']}{blanks}{mark}{value}{mark}{gap}{tail}"
                lines[number] = edited + lines[number][len(body) :]
                return EnvText("".join(lines))
        end = "\r\n" if "\r\n" in self.text else "\n"
        gap = end if self.text and not self.text.endswith("\n") else ""
        return EnvText(f"{self.text}{gap}{name}={quote}{value}{quote}{end}")


def _split(rest: str) -> tuple[str, str, str, str]:
    """The right side of a line as blanks, quote, value and what follows the value."""
    quoted = QUOTED.match(rest)
    if quoted:
        return quoted[1], quoted[2], quoted[3], rest[quoted.end() :]
    comment = re.search(r"(^|[ \t]+)#", rest)
    value = (rest[: comment.start()] if comment else rest).rstrip(" \t")
    kept = value.lstrip(" \t")
    blanks = value[: len(value) - len(kept)]
    return blanks, "", kept, rest[len(value) :]


def read(path: Path) -> EnvText:
    """The file's text, any byte kept; an absent file is empty."""
    try:
        return EnvText(path.read_bytes().decode("utf-8", "surrogateescape"))
    except FileNotFoundError:
        return EnvText("")


def write(path: Path, text: str) -> None:
    """Replace the file at once by `text`, readable by its owner only; a symlink keeps pointing to it."""
    target = Path(os.path.realpath(path))
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
