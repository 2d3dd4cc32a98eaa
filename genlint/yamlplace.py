"""A path or a word of a tool's message into the place of that node in a YAML text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from genlint.finding import Extent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What a tool calls the things that it speaks of, the most telling first.
_QUOTED = re.compile(r"\"([^\"\n]+)\"|'([^'\n]+)'|`([^`\n]+)`")
_LINE = re.compile(r"\bline (\d+)\b")


def parse(text: str) -> yaml.Node | None:
    """Return the tree of a text with one document, or None where it is no YAML."""
    try:
        return next(iter(yaml.compose_all(text, _Loader)), None)
    except yaml.YAMLError:
        return None


def syntax_error(text: str) -> tuple[Extent, str] | None:
    """Return where and why `text` is no YAML."""
    try:
        for _ in yaml.compose_all(text, _Loader):
            pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Extent.at(mark.line + 1, mark.column + 1) if mark else Extent()
        return place, error.problem or "no YAML"
    except yaml.YAMLError as error:
        return Extent(), str(error)
    return None


def extent_of(node: yaml.Node) -> Extent:
    """Return where `node` stands."""
    start, end = node.start_mark, node.end_mark
    return Extent(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def descend(node: yaml.Node, path: Sequence[str]) -> tuple[yaml.Node, list[str]]:
    """Follow `path` as far as it leads; returns the node there and what is left of the path."""
    for number, name in enumerate(path):
        below = child(node, name)
        if below is None:
            return node, list(path[number:])
        node = below
    return node, []


def child(node: yaml.Node, name: str) -> yaml.Node | None:
    """Return the value of key `name`, or item number `name`."""
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == name), None)
    if isinstance(node, yaml.SequenceNode) and name.isdecimal() and int(name) < len(node.value):
        item: yaml.Node = node.value[int(name)]
        return item
    return None


def key_of(node: yaml.Node, name: str) -> yaml.Node | None:
    """Return the key `name` itself."""
    if isinstance(node, yaml.MappingNode):
        return next((key for key, _ in node.value if key.value == name), None)
    return None


def scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield every scalar, keys too, in the order of the text."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from scalars(key)
            yield from scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from scalars(item)


def locate(text: str, message: str) -> Extent:
    """Return the place that `message` speaks of: a line, a dotted path, or a value that it quotes.

    Where it names nothing that is there, that is the file as a whole.
    """
    lines = _LINE.findall(message)
    if lines:
        return line_extent(text, int(lines[-1]))
    node = parse(text)
    if node is None:
        return Extent()
    return by_path(node, message) or _by_word(node, message) or Extent()


def line_extent(text: str, number: int) -> Extent:
    """Return the extent of what stands in line `number`."""
    lines = text.split("\n")
    if not 1 <= number <= len(lines):
        return Extent()
    line = lines[number - 1]
    return Extent(number, len(line) - len(line.lstrip()) + 1, number, max(len(line), 1) + 1)


def by_path(node: yaml.Node, message: str) -> Extent | None:
    """Find `services.web.ports`, or `services[web].ports[0]`: the longest that leads anywhere, to its very end."""
    best: tuple[int, Extent] | None = None
    for word in re.findall(r"[^\s'\"`,:;]+", message):
        names = [name for name in re.split(r"[.\[\]]+", word) if name]
        if len(names) < 2:
            continue
        found, left = descend(node, _as_written(node, names))
        depth = len(names) - len(left)
        if depth and (best is None or depth > best[0]):
            inner = _by_word(found, message) if not isinstance(found, yaml.ScalarNode) else None
            best = depth, inner or extent_of(found)
    return best[1] if best else None


def _as_written(node: yaml.Node, names: list[str]) -> list[str]:
    """Return the path of `names` in YAML where they are the fields of a Go type, as in `Head.Metadata.Namespace`."""
    written = [name[:1].lower() + name[1:] for name in names]
    return next((path for path in (names, written, written[1:]) if child(node, path[0]) is not None), names)


def _by_word(node: yaml.Node, message: str) -> Extent | None:
    """Find the last word of `message` that is a scalar, or a part of one: a quoted one before a bare one."""
    quoted = ["".join(groups) for groups in _QUOTED.findall(message)]
    bare = [word.strip(".,:;()[]") for word in re.split(r"[\s:]", message)]
    for words in (quoted, [word for word in bare if len(word) > 1]):
        for word in reversed(words):
            found = _holding(node, word)
            if found is not None:
                return found
    return None


def _holding(node: yaml.Node, word: str) -> Extent | None:
    everything = list(scalars(node))
    whole = [scalar for scalar in everything if scalar.value == word]
    pattern = re.compile(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])")
    part = whole or [scalar for scalar in everything if pattern.search(scalar.value)]
    return extent_of(part[-1]) if part else None
