"""Ownership records and the journal on disk into what is ours, what of it is orphaned, and what is unknown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic
from compiler.emit.seal import is_sealed
from compiler.output.paths import parent, pattern_regex, record_path
from compiler.output.record import Record, digest, digest_of, parse
from compiler.output.tree import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from compiler.output.disk import Disk
    from compiler.output.paths import Patterns


class Owned:
    """What the records of all environments and the journal say; each of them is untrusted.

    `seen` keeps the hashes of their bytes; the journal's bytes are in `journal_data`.
    """

    def __init__(self, disk: Disk) -> None:
        """Read the journal and every record below `out/`."""
        self._disk = disk
        self._problems: list[tuple[str, Diagnostic]] = []
        self._broken: list[Diagnostic] = []
        journal = disk.read(JOURNAL)
        if journal.problem:
            self._broken.append(journal.problem)
        self.journal_data = journal.data
        self._seen: dict[str, str | None] = {JOURNAL: digest_of(journal.data)}
        found = parse(journal.data, JOURNAL) if journal.data else None
        # A journal is written whole: one that cannot be read is not ours, and says nothing.
        self.journal = found if isinstance(found, Record) else Record()
        self._records: dict[str, frozenset[str]] = {}
        self._read_well: dict[str, frozenset[str]] = {}
        for name, is_folder in disk.names("out"):
            if is_folder:
                self._read(name)

    def _read(self, environment: str) -> None:
        path = record_path(environment)
        found = self._disk.read(path)
        if found.problem:
            self._problems.append((path, found.problem))
        if found.data is None:
            return
        self._seen[path] = seen = digest(found.data)
        record = parse(found.data, path, inside=f"out/{environment}/")
        if isinstance(record, Diagnostic):
            self._broken.append(record)
            return
        self._records.update(record.files)
        self._read_well[path] = frozenset([seen])

    def hashes(self, path: str) -> frozenset[str]:
        """The hashes of what we wrote to `path`; empty = it is not ours."""
        return self._records.get(path, frozenset()) | self.journal.files.get(path, frozenset())

    def settle(self, path: str) -> None:
        """Forget what a record says of an output: it was compared."""
        self._records.pop(path, None)

    def seen(self, records: Iterable[str]) -> dict[str, str | None]:
        """The hash of the journal and of every record, None for those of the outputs' `records` that are not there."""
        return {**dict.fromkeys(records), **self._seen}

    def diagnostics(self, outputs: Container[str]) -> list[Diagnostic]:
        """What is wrong with journal and records; of a record among the `outputs` its comparison says so."""
        return [*self._broken, *(problem for path, problem in self._problems if path not in outputs)]

    def orphans(self, patterns: Patterns, outputs: Container[str]) -> list[tuple[str, frozenset[str]]]:
        """The paths that are ours and no `outputs`, each with the hashes of what we wrote there."""
        paths = {path for path in self._records if path not in outputs}
        paths |= {path for path in self.journal.files if path.startswith("out/") and path not in outputs}
        lost = {path: hashes for path, hashes in self._read_well.items() if path not in outputs}
        found = {path: self.hashes(path) for path in paths} | lost
        for path in self._sealed(patterns, outputs):
            found.setdefault(path, frozenset())
        return sorted(found.items())

    def _sealed(self, patterns: Patterns, outputs: Container[str]) -> Iterator[str]:
        """The files that carry our seal, lie where sealed outputs do, and are no output."""
        for pattern in patterns.sealed:
            for path in self._expand("", pattern.split("/")):
                if path in outputs:
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
