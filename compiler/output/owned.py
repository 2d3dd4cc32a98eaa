"""Ownership records and the journal on disk into what is ours, what of it is orphaned, and what is unknown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic
from compiler.emit.seal import is_sealed
from compiler.output.paths import parent, pattern_regex, record_path
from compiler.output.record import Record, digest, parse
from compiler.output.tree import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.output.disk import Disk
    from compiler.output.paths import Patterns
    from compiler.output.tree import Tree


class Owned:
    """What the records of all environments and the journal say; each of them is untrusted."""

    def __init__(self, disk: Disk, tree: Tree) -> None:
        """Read the journal and every record below `out/`; `seen` keeps their bytes."""
        self._disk, self._tree = disk, tree
        self.diagnostics: list[Diagnostic] = []
        self.seen: dict[str, bytes | None] = {
            path: None for path, f in tree.files.items() if f.kind == "record"
        }
        journal = disk.read(JOURNAL)
        if journal.problem:
            self.diagnostics.append(journal.problem)
        self.seen[JOURNAL] = journal.data
        found = parse(journal.data, JOURNAL) if journal.data else None
        # A journal is written whole: one that cannot be read is not ours, and says nothing.
        self.journal = found if isinstance(found, Record) else Record()
        self._records: dict[str, frozenset[str]] = {}
        self._lost: dict[str, frozenset[str]] = {}
        for name, is_folder in disk.names("out"):
            if is_folder:
                self._read(name)

    def _read(self, environment: str) -> None:
        path = record_path(environment)
        found = self._disk.read(path)
        in_tree = path in self._tree.files
        if found.problem and not in_tree:
            self.diagnostics.append(found.problem)
        if found.data is None:
            return
        self.seen[path] = found.data
        record = parse(found.data, path, inside=f"out/{environment}/")
        if isinstance(record, Diagnostic):
            self.diagnostics.append(record)
            return
        self._records.update(record.files)
        if not in_tree:
            self._lost[path] = frozenset([digest(found.data)])

    def hashes(self, path: str) -> frozenset[str]:
        """The hashes of what we wrote to `path`; empty = it is not ours."""
        return self._records.get(path, frozenset()) | self.journal.files.get(path, frozenset())

    def orphans(self, patterns: Patterns) -> list[tuple[str, frozenset[str]]]:
        """The paths that are ours and not in the tree, each with the hashes of what we wrote there."""
        paths = {path for path in self._records if path not in self._tree.files}
        paths |= {
            path for path in self.journal.files if path.startswith("out/") and path not in self._tree.files
        }
        found = {path: self.hashes(path) for path in paths} | self._lost
        for path in self._sealed(patterns):
            found.setdefault(path, frozenset())
        return sorted(found.items())

    def _sealed(self, patterns: Patterns) -> Iterator[str]:
        """The files that carry our seal, lie where sealed outputs do, and are no output."""
        for pattern in patterns.sealed:
            for path in self._expand("", pattern.split("/")):
                if path in self._tree.files:
                    continue
                data = self._disk.read(path).data
                if data is not None and is_sealed(data.decode("utf-8", "replace").replace("\r\n", "\n")):
                    yield path

    def _expand(self, folder: str, segments: list[str]) -> Iterator[str]:
        """The files on disk below `folder` that a pattern, given by its segments, might mean."""
        head, *rest = segments
        prefix = folder + "/" if folder else ""
        if "*" in head or "{" in head:
            regex = re.compile(pattern_regex(head), re.ASCII)
            entries = self._disk.names(folder)
            names = [name for name, is_folder in entries if regex.fullmatch(name) and is_folder == bool(rest)]
        else:
            names = [head]
        for name in names:
            if rest:
                yield from self._expand(prefix + name, rest)
            else:
                yield prefix + name

    def unknown(self, known: set[str]) -> list[str]:
        """What lies in `out/` and is not in `known` (files): files, or folders (with a `/`) without a known one."""
        folders = {"out"}
        for path in known:
            while (path := parent(path)) not in folders and path:
                folders.add(path)
        return list(self._unknown("out", known, folders))

    def _unknown(self, folder: str, known: set[str], folders: set[str]) -> Iterator[str]:
        for name, is_folder in self._disk.names(folder):
            path = f"{folder}/{name}"
            if is_folder and path in folders:
                yield from self._unknown(path, known, folders)
            elif is_folder:
                if self._disk.names(path):
                    yield path + "/"
            elif path not in known:
                yield path
