"""JSON text into its values with their positions, so that one of them can be edited and every other byte kept."""

from __future__ import annotations

import re
from typing import Literal

from compiler.frozen import dataclass

_DEPTH = 100
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"')
_OTHER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_WORD = re.compile(r"[-+.\w]+")

Kind = Literal["object", "array", "string", "other"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value: characters `start` to `end` of the text; a string's content; an object's members."""

    kind: Kind
    start: int
    end: int
    string: str = ""
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One `"name": value` of an object; the key is characters `start` to `end`, quotes included."""

    name: str
    start: int
    end: int
    value: Value


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at `position` (of `length` characters); `other` is the position of a first twin."""

    position: int
    message: str
    length: int = 1
    other: int | None = None


class _JsonError(Exception):
    def __init__(self, position: int, message: str, length: int = 1) -> None:
        self.mistake = Mistake(position, message, length)


def parse(text: str) -> tuple[Value | None, list[Mistake]]:
    """Read `text` as strict JSON: the value, and every key that is there twice, or the first syntax error."""
    reader = _Reader(text)
    try:
        value = reader.value(reader.space(0), 0)
        end = reader.space(value.end)
        if end < len(text):
            raise _JsonError(end, "text after the end of the value")
    except _JsonError as error:
        return None, [error.mistake]
    return value, reader.twins


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.twins: list[Mistake] = []

    def space(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def value(self, at: int, depth: int) -> Value:
        if depth > _DEPTH:
            raise _JsonError(at, f"more than {_DEPTH} levels")
        first = self.text[at : at + 1]
        if first == "{":
            return self._object(at, depth)
        if first == "[":
            return self._array(at, depth)
        if first == '"':
            return self._string(at)
        match = _OTHER.match(self.text, at)
        word = _WORD.match(self.text, at)
        if not match or (word and word.end() > match.end()):
            raise self._unexpected(at, "a value")
        return Value("other", at, match.end())

    def _string(self, at: int) -> Value:
        match = _STRING.match(self.text, at)
        if not match:
            raise _JsonError(at, "a string that does not end on its line, or holds a bad escape")
        raw = match[0]
        if "\\" not in raw:
            return Value("string", at, match.end(), raw[1:-1])
        import json

        return Value("string", at, match.end(), str(json.loads(raw)))

    def _array(self, at: int, depth: int) -> Value:
        start, at = at, self.space(at + 1)
        while self.text[at : at + 1] != "]":
            at = self._next(self.value(at, depth + 1).end, "]")
        return Value("array", start, at + 1)

    def _object(self, at: int, depth: int) -> Value:
        start, at = at, self.space(at + 1)
        members: list[Member] = []
        seen: dict[str, int] = {}
        while self.text[at : at + 1] != "}":
            if self.text[at : at + 1] != '"':
                raise self._unexpected(at, "a key in double quotes" if members else "a key or `}`")
            key = self._string(at)
            if key.string in seen:
                name = f"the key {self.text[key.start : key.end]} is there twice"
                self.twins.append(Mistake(key.start, name, key.end - key.start, seen[key.string]))
            seen.setdefault(key.string, key.start)
            colon = self.space(key.end)
            if self.text[colon : colon + 1] != ":":
                raise self._unexpected(colon, "`:`")
            value = self.value(self.space(colon + 1), depth + 1)
            members.append(Member(key.string, key.start, key.end, value))
            at = self._next(value.end, "}")
        return Value("object", start, at + 1, members=tuple(members))

    def _next(self, at: int, close: str) -> int:
        """Go behind the comma to the next item, or stay on `close`."""
        at = self.space(at)
        if self.text[at : at + 1] == close:
            return at
        if self.text[at : at + 1] != ",":
            raise self._unexpected(at, f"`,` or `{close}`")
        comma, at = at, self.space(at + 1)
        if self.text[at : at + 1] == close:
            raise _JsonError(comma, f"a comma before `{close}`")
        return at

    def _unexpected(self, at: int, wanted: str) -> _JsonError:
        rest = self.text[at : at + 2]
        if not rest:
            return _JsonError(at, f"the file ends where {wanted} belongs")
        if rest in ("//", "/*") or rest[0] == "#":
            return _JsonError(at, "a comment; JSON has none", len(rest))
        word = _WORD.match(self.text, at)
        found = word[0][:40] if word else rest[0]
        shown = found if found.isprintable() else ascii(found)[1:-1]
        return _JsonError(at, f"`{shown}` where {wanted} belongs", len(found))
