"""One parsed document of an output, and the ways to look into it whatever shape it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.frozen import dataclass
from compiler.verify.finding import Finding

if TYPE_CHECKING:
    from compiler.verify.finding import Path
    from compiler.verify.text import Value


@dataclass(frozen=True, slots=True)
class Document:
    """One document of the file `file`; `kind` and `name` are "" where it has none."""

    file: str
    number: int
    body: Value
    kind: str = ""
    name: str = ""

    def at(self, *path: str | int) -> Value:
        """Return the value at `path`, None where there is none."""
        return find(self.body, *path)

    def breaks(self, rule: str, message: str, *path: str | int) -> Finding:
        """Return the finding that `path` breaks `rule`."""
        return Finding(rule, message, self.file, self.number, path)

    @property
    def annotations(self) -> dict[str, Any]:
        """The annotations of a Kubernetes object."""
        return mapping(self.at("metadata", "annotations"))


def find(value: Value, *path: str | int) -> Value:
    """Return the value at `path` below `value`, None where there is none."""
    for step in path:
        # What is parsed is exactly a dict or a list.
        if type(value) is dict:
            value = value.get(step)
        elif type(value) is list and type(step) is int and step < len(value):
            value = value[step]
        else:
            return None
    return value


def mapping(value: Value) -> dict[str, Any]:
    """Return a map as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Value) -> list[Any]:
    """Return a list as it is, and anything else as an empty one."""
    return value if isinstance(value, list) else []


def strings(value: Value, path: Path = ()) -> list[tuple[Path, str]]:
    """Return every text below `value`, with the path to it."""
    if isinstance(value, str):
        return [(path, value)]
    if isinstance(value, dict):
        return [found for key, below in value.items() for found in strings(below, (*path, key))]
    if isinstance(value, list):
        return [found for number, below in enumerate(value) for found in strings(below, (*path, number))]
    return []
