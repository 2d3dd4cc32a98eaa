"""The text of an output into the values that its reader sees; what is not what it seems is refused.

Outputs of one kind differ in quoted texts and in numbers only. So the rest of a text, its shape, is parsed once, and
the values of each output are put into it: that is many times faster than to parse every output, and as exact. A text
whose shape cannot be told apart from its values is parsed as a whole.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

# What YAML and JSON hold: dicts with texts as keys, lists, and scalars.
Value: TypeAlias = Any

LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
# A quoted scalar where one may begin, or a number behind a key. Each choice begins with a letter of its own, for which
# `re` can jump ahead.
_QUOTED = "|".join(
    rf"{quote}(?:(?<=[:,-] {quote})|(?<=[\[{{\n]{quote})|(?<=  {quote})){rest}"
    for quote, rest in (('"', r'[^"\\]*(?:\\.[^"\\]*)*"'), ("'", r"[^']*(?:''[^']*)*'"))
)
_NUMBER = "|".join(rf"{digit}(?<=: {digit})[0-9]{{0,15}}(?=[\n,}}])" for digit in "123456789")
_SLOT = re.compile(f"({_QUOTED}|{_NUMBER})", re.DOTALL)
# A literal block behind a key: indentation, key, the lines, and how much deeper they are. Its first line is not blank.
_BLOCK = re.compile(
    r"^( *)([A-Za-z_][A-Za-z0-9_-]*: )\|\n(\1( +)[^ \n][^\n]*\n(?:\1\4[^\n]*\n|[ ]*\n)*)", re.MULTILINE
)
_BLOCK_PARTS = 5
_HOLE = '"?"'
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(\n[ \t]*|.))|\n")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "/": "/", " ": " "}
# Where the entries of a workflow or a Compose file begin, and where each of them does: they are often of one shape.
_SECTIONS = ("\njobs:\n", "\nservices:\n")
_ENTRY = re.compile(r"^  ([a-z][a-z0-9_-]*):\n(?=   )", re.MULTILINE)
_COMMENT = re.compile(r"^ *#.*$", re.MULTILINE)
_NEXT = re.compile(r"\n(?=[^ \n#])")
# Where a ConfigMap with whole files in it begins to hold them.
_DATA = "\ndata:\n"
_LARGE = 32_768
# So many of them are remembered.
_EMBEDDED = 8
_TEXT = "tag:yaml.org,2002:str"
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


class UnreadableError(Exception):
    """A text that its reader would refuse, or read differently from another reader; says why and, if known, where."""

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(why)
        self.why, self.line = why, line


class _Slot:
    """The place of one quoted text or number in a shape."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class Reader:
    """Reads outputs, each text and each shape once."""

    def __init__(self) -> None:
        self._shapes: dict[str, Value | None] = {}
        self._embedded: dict[str, Value] = {}

    def documents(self, text: str) -> list[Value]:
        """Return the documents of a YAML file. Raises UnreadableError."""
        return [self._document(part) for part in split_documents(text)]

    def _document(self, text: str) -> Value:
        section = next((section for section in _SECTIONS if section in text), None)
        if section:
            return self._by_entries(text, section) or self._parse(text)
        at = text.find(_DATA) if len(text) > _LARGE else -1
        if at < 0:
            return self._parse(text)
        head, data = text[: at + 1], text[at + 1 :]
        if data not in self._embedded:
            if len(self._embedded) == _EMBEDDED:
                # Most environments share theirs; of those that do not, none is seen again.
                self._embedded.clear()
            self._embedded[data] = self._parse(data, _decode_small)
        return {**self._parse(head), **self._embedded[data]}

    def _by_entries(self, text: str, section: str) -> Value | None:
        """Return the value of a text that is parsed entry by entry, or None where only the whole can be parsed.

        Whatever goes on behind a line that looks like an entry (a quoted text, a list in brackets) is not whole before
        it, so that no border is found where none is.
        """
        above, _, rest = text.partition(section)
        end = _NEXT.search(rest)
        below = rest[end.start() :] if end else ""
        comments, *entries = _ENTRY.split(rest[: end.start()] if end else rest)
        names = entries[0::2]
        try:
            found = dict(zip(names, map(self._parse, entries[1::2]), strict=True))
            head, tail = self._parse(above + "\n"), self._parse(below) if below.strip() else {}
        except UnreadableError:
            return None
        if _COMMENT.sub("", comments).strip() or not (isinstance(head, dict) and isinstance(tail, dict)):
            return None
        whole = {**head, section.strip("\n:"): found, **tail}
        return whole if len(found) == len(names) and len(whole) == len(head) + 1 + len(tail) else None

    def _parse(self, text: str, decode: Callable[[str], Value] | None = None) -> Value:
        shape, values = _split(text, decode or _decode)
        if shape not in self._shapes:
            self._shapes[shape] = _shape(shape, len(values))
        found = self._shapes[shape]
        return _build(_compose(text), None) if found is None else _fill(found, values)


def _split(text: str, decode: Callable[[str], Value]) -> tuple[str, list[Value]]:
    """Return the shape of a text, and the values that are taken out of it."""
    parts = _BLOCK.split(text) if ": |\n" in text else [text]
    shape, values = _split_quoted(parts[0], decode)
    shapes = [shape]
    for number in range(1, len(parts), _BLOCK_PARTS):
        indent, key, lines, deeper, behind = parts[number : number + _BLOCK_PARTS]
        shape, more = _split_quoted(behind, decode)
        shapes.append(f"{indent}{key}{_HOLE}\n{shape}")
        values += [_literal(lines, len(indent) + len(deeper)), *more]
    return "".join(shapes), values


def _split_quoted(text: str, decode: Callable[[str], Value]) -> tuple[str, list[Value]]:
    pieces = _SLOT.split(text)
    return _HOLE.join(pieces[0::2]), [decode(token) for token in pieces[1::2]]


def _literal(lines: str, indent: int) -> str:
    """Return what a literal block stands for: its lines without their indentation, and one line break at the end."""
    return "\n".join(line[indent:] for line in lines.split("\n")).rstrip("\n") + "\n"


def split_documents(text: str) -> list[str]:
    """Return the texts of the documents of a YAML file. A line `---` is a border wherever it stands."""
    return text.split("\n---\n") if "\n---\n" in text else [text]


def read_json(text: str) -> Value:
    """Return the value of a JSON text, in which no key is there twice. Raises UnreadableError."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"not JSON: {error.msg}", error.lineno) from None


def _unique(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise UnreadableError(f"the key {twice!r} twice in one object")
    return found


def _compose(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise UnreadableError(f"not YAML: {error.problem}", line) from None
    except yaml.YAMLError as error:
        raise UnreadableError(f"not YAML: {error}") from None
    return node


def _shape(text: str, holes: int) -> Value | None:
    """Return the value of a shape with its slots, or None where a hole is none (in a comment, in another text, …)."""
    if text.count(_HOLE) != holes:
        return None
    slots: list[_Slot] = []
    try:
        found = _build(_compose(text), slots)
    except UnreadableError:
        # The text as a whole says what is wrong, and in which line.
        return None
    return found if len(slots) == holes else None


def _build(node: yaml.Node | None, slots: list[_Slot] | None) -> Value:
    """Return the value of a node; every quoted scalar is a slot where there is a list for them.

    Raises UnreadableError.
    """
    if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
        raise UnreadableError(f"the tag {node.tag!r}", node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        pairs = [(_key(key, slots), _build(value, slots)) for key, value in node.value]
        found = dict(pairs)
        if len(found) < len(pairs):
            raise UnreadableError("a key twice in one map", node.start_mark.line + 1)
        is_open = any(isinstance(part, _Slot | _Open) for pair in pairs for part in pair)
        return _Open(found) if is_open else found
    if isinstance(node, yaml.SequenceNode):
        items = [_build(item, slots) for item in node.value]
        return _Open(items) if any(isinstance(item, _Slot | _Open) for item in items) else items
    if not isinstance(node, yaml.ScalarNode):
        return None
    if slots is not None and node.style in ('"', "'"):
        if node.value != _HOLE[1:-1]:
            raise UnreadableError("a quoted text that is no hole")
        slots.append(_Slot(len(slots)))
        return slots[-1]
    if not node.style:
        return _plain(node)
    if node.tag != _TEXT:
        raise UnreadableError(f"the tag {node.tag!r}", node.start_mark.line + 1)
    return node.value


def _key(node: yaml.Node, slots: list[_Slot] | None) -> Value:
    """Return a key; as GitHub does for its `on`, readers take a plain one for text."""
    if not isinstance(node, yaml.ScalarNode):
        raise UnreadableError("a key that is no text", node.start_mark.line + 1)
    if node.value == "<<":
        raise UnreadableError("a merge key", node.start_mark.line + 1)
    return _build(node, slots) if node.style else node.value


# Plain scalars that YAML 1.1 and 1.2 read differently, beside those that PyYAML takes for more than text.
_AMBIGUOUS = re.compile(r"[yYnN]|0o[0-7]+|[-+]?[0-9.]+[eE][-+]?[0-9]+")


def _plain(node: yaml.ScalarNode) -> Value:
    kind, text = node.tag.rpartition(":")[2], node.value
    if kind == "str" and not _AMBIGUOUS.fullmatch(text):
        return text
    if kind == "int" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "bool" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if kind == "null" and text in ("", "null"):
        return None
    raise UnreadableError(
        f"the plain value {text!r}, which readers of YAML understand differently", node.start_mark.line + 1
    )


class _Open:
    """A map or a list of a shape that holds slots: the rest of it, and what is put where; a key may be a slot too."""

    __slots__ = ("below", "keys", "rest", "slots")

    def __init__(self, rest: dict[Value, Value] | list[Value]) -> None:
        entries = list(rest.items() if isinstance(rest, dict) else enumerate(rest))
        self.rest = rest
        self.slots = [(key, part.number) for key, part in entries if isinstance(part, _Slot)]
        self.below = [(key, part) for key, part in entries if isinstance(part, _Open)]
        self.keys = isinstance(rest, dict) and any(isinstance(key, _Slot) for key in rest)

    def filled(self, values: list[Value]) -> Value:
        """Return the map or the list with `values` in its slots."""
        found: Value = self.rest.copy()
        for key, number in self.slots:
            found[key] = values[number]
        for key, part in self.below:
            found[key] = part.filled(values)
        if not self.keys:
            return found
        named = {values[key.number] if isinstance(key, _Slot) else key: value for key, value in found.items()}
        if len(named) < len(found):
            raise UnreadableError("a key twice in one map")
        return named


def _fill(shape: Value, values: list[Value]) -> Value:
    """Return a shape with `values` in its slots; what holds no slot is the shape's own."""
    if isinstance(shape, _Slot):
        return values[shape.number]
    return shape.filled(values) if isinstance(shape, _Open) else shape


def _decode(token: str) -> str | int:
    """Return what a quoted scalar, or a number, stands for."""
    if token[0] == "'":
        if "\n" in token:
            raise UnreadableError("a text over several lines")
        return token[1:-1].replace("''", "'")
    if token[0] != '"':
        return int(token)
    return unquote(token) if "\\" in token or "\n" in token else token[1:-1]


def _decode_small(token: str) -> str | int:
    """Return what a scalar stands for; a whole file in quotes stays as it is spelt, since nobody looks into it."""
    return token if token[0] == '"' and "\n" in token else _decode(token)


def unquote(token: str) -> str:
    """Return what a double-quoted scalar stands for, over whatever lines it goes. Raises UnreadableError."""
    return _ESCAPE.sub(_unescape, token[1:-1])


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        return chr(int(code, 16))
    if match[4] in _ESCAPES:
        return _ESCAPES[match[4]]
    if match[4] and match[4][0] == "\n":
        return ""
    raise UnreadableError("a text over several lines" if not match[4] else f"the escape {match[0]!r}")
