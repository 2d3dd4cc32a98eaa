"""Paths and path patterns of outputs into yes or no: may this be written, may this be removed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from compiler.emit.file import Emitter

RECORD_NAME = ".gen.json"
_SEGMENT = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*", re.ASCII)
_ENVIRONMENT = r"[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?"
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))]
)


@lru_cache(maxsize=4096)
def is_safe_segment(name: str) -> bool:
    """Tell whether `name` is harmless as one part of a path on every system."""
    if not _SEGMENT.fullmatch(name) or name.endswith(".") or len(name) > 255:
        return False
    return name.casefold() != ".git" and name.split(".", 1)[0].casefold() not in _DEVICES


def is_safe(path: str) -> bool:
    """Tell whether `path` is relative, stays inside its folder and holds only harmless names."""
    return len(path) <= 1024 and all(map(is_safe_segment, path.split("/")))


def record_path(environment: str) -> str:
    """Where the ownership record of `environment` lies."""
    return f"out/{environment}/{RECORD_NAME}"


def parent(path: str) -> str:
    """The folder of `path`, "" for the root."""
    return path.rpartition("/")[0]


def pattern_regex(pattern: str) -> str:
    """The regular expression of one pattern; every `{environment}` in it stands for the same name."""
    text = re.escape(pattern).replace(r"\*", "[^/]*")
    hole = re.escape("{environment}")
    text = text.replace(hole, f"(?P<environment>{_ENVIRONMENT})", 1)
    return text.replace(hole, "(?P=environment)")


class Patterns:
    """All that the emitters can ever produce, and the ownership records themselves.

    `sealed` are those of files that are known by their seal: outside `out/`, and inside where an emitter says so.
    """

    def __init__(self, emitters: Iterable[Emitter]) -> None:
        """Take the patterns of `emitters`; they are relative to the root."""
        emitters = tuple(emitters)
        self.all = tuple(sorted({pattern for emitter in emitters for pattern in emitter.paths}))
        inside = {pattern for emitter in emitters for pattern in emitter.sealed}
        self.sealed = tuple(p for p in self.all if p in inside or not p.startswith("out/"))
        self._compiled = [
            re.compile(pattern_regex(p), re.ASCII) for p in (*self.all, record_path("{environment}"))
        ]

    def match(self, path: str) -> bool:
        """Tell whether `path` is one that `gen` can produce."""
        return any(regex.fullmatch(path) for regex in self._compiled)
