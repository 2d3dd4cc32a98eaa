"""What was written (paths and hashes) into the text of an ownership record or a journal, and back.

A record is checked in, so it is untrusted: one strict form is read, and the only exception are the marks of a
merge conflict, since `gen` is what resolves one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import field
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.frozen import dataclass
from compiler.output.paths import is_safe

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
_ENTRY = re.compile(r'    "([!-~]{1,1200})": "([0-9a-f]{64}(?: [0-9a-f]{64})*)",?', re.ASCII)
_VERSION = re.compile(r'  "version": ([0-9]{1,9}),', re.ASCII)
_CONFLICT = re.compile(r"(?:<{7}|\|{7}|>{7})(?: .*)?|={7}")
_FRAME = frozenset(["{", "}", "  }", "  },"])
_SCRIPT = re.compile(r"[a-z][a-z0-9-]*(?::[a-z0-9-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Record:
    """The hashes that are ours: of files by path, of scripts by `path#name`."""

    files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    scripts: Mapping[str, frozenset[str]] = field(default_factory=dict)


def digest(data: bytes) -> str:
    """The hash under which `data` is recorded."""
    return hashlib.sha256(data).hexdigest()


def digest_of(data: bytes | None) -> str | None:
    """The hash of what lies somewhere, None where nothing does."""
    return None if data is None else digest(data)


def render(record: Record) -> str:
    """The one form of a record: sorted, one line per path."""
    parts = [f'  "version": {VERSION}', _section("files", record.files)]
    if record.scripts:
        parts.append(_section("scripts", record.scripts))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _section(name: str, entries: Mapping[str, frozenset[str]]) -> str:
    lines = [f'    "{path}": "{" ".join(sorted(entries[path]))}"' for path in sorted(entries)]
    return f'  "{name}": {{\n' + ",\n".join(lines) + "\n  }" if lines else f'  "{name}": {{}}'


def parse(data: bytes, file: str, inside: str = "") -> Record | Diagnostic:
    """Read a record; `file` is where it lies, for the diagnostic; every path in it must start with `inside`."""
    sections: dict[str, dict[str, set[str]]] = {"files": {}, "scripts": {}}
    section = "files"
    conflict = False
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    for number, line in enumerate(text.split("\n")[:-1], 1):
        if entry := _ENTRY.fullmatch(line):
            if not _is_valid_key(entry[1], section, inside):
                return _broken(file, number, f"`{entry[1]}` is no path that it can hold")
            sections[section].setdefault(entry[1], set()).update(entry[2].split(" "))
        elif line.rstrip(",{} ") in ('  "files":', '  "scripts":'):
            section = line.split('"')[1]
        elif version := _VERSION.fullmatch(line):
            if int(version[1]) != VERSION:
                return _broken(file, number, f"version {version[1]} is not one this `gen` knows")
        elif _CONFLICT.fullmatch(line):
            conflict = True
        elif line not in _FRAME:
            return _broken(file, number, "this line is not one that `gen` writes")
    record = Record(*({key: frozenset(v) for key, v in entries.items()} for entries in sections.values()))
    if not conflict and render(record) != text:
        return _broken(file, 0, "it is not as `gen` writes it")
    return record


def _is_valid_key(key: str, section: str, inside: str) -> bool:
    if section == "files":
        return is_safe(key) and key.startswith(inside)
    path, _, name = key.partition("#")
    return is_safe(path) and _SCRIPT.fullmatch(name) is not None


def _broken(file: str, line: int, message: str) -> Diagnostic:
    return Diagnostic(
        "broken-record",
        f"{file} cannot be trusted: {message}",
        Place(file, line, 1 if line else 0),
        help=f"restore it (`git checkout -- {file}`), or delete it: what it listed is then known as ours"
        " only where it equals the output",
    )
