"""The tree as it shall be and the disk into what has to change, and why; reads only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.emit.seal import is_sealed, is_untouched
from compiler.output import problems
from compiler.output.disk import Disk, Found
from compiler.output.owned import Owned
from compiler.output.paths import Patterns
from compiler.output.record import digest
from compiler.output.tree import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from compiler.emit.file import Emitter
    from compiler.output.tree import Tree, TreeFile

# Folders that Helm or Argo CD reads as a whole.
_DEPLOYED = re.compile(r"out/[^/]+/(?:chart|argocd)/")
ChangeKind = Literal["created", "changed", "removed", "unchanged"]
Cause = Literal["hand-edited", "stale", "missing", "orphaned", "interrupted"]


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one path: the bytes on disk (`old`, None = nothing) become `new` (None = removed).

    `save`: `old` holds bytes that are not ours and is copied before it goes. `executable`: the file on disk has
    the executable bit, which no output has. `merged`: the file is the user's, so its mode stays.
    """

    path: str
    kind: ChangeKind
    cause: Cause | None
    old: bytes | None
    new: bytes | None
    save: bool = False
    executable: bool = False
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes by path, sorted. With an error among `diagnostics` nothing may be written.

    `seen` is what the journal and the records held (None = not there) each time they were read: what "ours" was
    judged by. Two readings of one path that differ fit no disk, so such a comparison is never written.
    """

    changes: tuple[Change, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    seen: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def journal(self) -> bytes | None:
        """What an earlier `gen` left behind that was killed while it wrote."""
        return dict(self.seen).get(JOURNAL)

    @property
    def interrupted(self) -> bool:
        """Whether an earlier `gen` was killed while it wrote."""
        return self.journal is not None

    @property
    def in_sync(self) -> bool:
        """Whether the disk is what it shall be."""
        return all(change.kind == "unchanged" for change in self.changes)

    @property
    def has_errors(self) -> bool:
        """Whether something forbids to write."""
        return any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)

    @property
    def is_refused(self) -> bool:
        """Whether something is wrong beside a file of the user's among those that are deployed."""
        return any(d.severity is Severity.ERROR and d.code != "foreign-in-chart" for d in self.diagnostics)


def compare(tree: Tree, root: Path, emitters: Iterable[Emitter]) -> Comparison:
    """Compare `tree` with what lies below `root`; `emitters` say which paths may ever be removed.

    Raises ValueError when a file of the tree fits no pattern of an emitter: that is a bug.
    """
    comparer = _Comparer(tree, Disk(root), Patterns(emitters))
    changes = [comparer.change(path, file) for path, file in tree.files.items()]
    changes += comparer.orphans()
    diagnostics = sorted({*comparer.diagnostics}, key=lambda d: (d.place, d.code, d.message))
    modes = _keeps_modes(changes)
    done = sorted((_without_mode(c) if not modes else c for c in changes), key=lambda change: change.path)
    return Comparison(tuple(done), tuple(diagnostics), (*tree.seen, *comparer.owned.seen.items()))


class _Comparer:
    def __init__(self, tree: Tree, disk: Disk, patterns: Patterns) -> None:
        self.tree, self.disk, self.patterns = tree, disk, patterns
        self.owned = Owned(disk, tree)
        self.diagnostics: list[Diagnostic] = [*self.owned.diagnostics]

    def change(self, path: str, file: TreeFile) -> Change:
        """What happens to the tree's file at `path`."""
        if not self.patterns.match(path):
            raise ValueError(f"{path} fits no pattern of any emitter")
        if file.merged:
            return self._merged(path, file)
        found = self.disk.read(path)
        if found.problem:
            self.diagnostics.append(found.problem)
            return Change(path, "unchanged", None, None, file.data)
        if found.data == file.data and not found.executable:
            return Change(path, "unchanged", None, file.data, file.data)
        if found.data is None:
            cause: Cause = "interrupted" if path in self.owned.journal.files else "missing"
            return Change(path, "created", cause, None, file.data)
        return self._differs(path, file, found)

    def _differs(self, path: str, file: TreeFile, found: Found) -> Change:
        data = found.data or b""
        cause = self._cause(path, file, data)
        if cause is None:
            if not self._is_taken(path):
                self.diagnostics.append(problems.foreign_file(path))
            cause = "hand-edited"
        save = cause == "hand-edited" and data != file.data
        return Change(path, "changed", cause, data, file.data, save, found.executable)

    def _cause(self, path: str, file: TreeFile, data: bytes) -> Cause | None:
        """Why `data` is not what shall be at `path`; None when the file is not ours."""
        if data == file.data:
            return "hand-edited"
        in_journal = path in self.owned.journal.files
        if file.kind == "record":
            return "interrupted" if in_journal else "stale"
        if file.kind == "sealed":
            text = data.decode("utf-8", "replace")
            ours, intact = is_sealed(text.replace("\r\n", "\n")), is_untouched(text)
        else:
            hashes = self.owned.hashes(path)
            ours, intact = bool(hashes), digest(data) in hashes
        if not ours and not in_journal:
            return None
        if not intact:
            return "hand-edited"
        return "interrupted" if in_journal else "stale"

    def _merged(self, path: str, file: TreeFile) -> Change:
        base, merged = file.base, file.merged
        if base == file.data or merged is None:
            return Change(path, "unchanged", None, base, file.data, merged=True)
        in_journal = path in self.owned.journal.files
        if base is not None and digest(base) in self.owned.journal.files.get(path, ()):
            return Change(path, "changed", "interrupted", base, file.data, merged=True)
        if base is None:
            return Change(
                path, "created", "interrupted" if in_journal else "missing", None, file.data, merged=True
            )
        cause: Cause = "hand-edited" if merged.edited else "interrupted" if in_journal else "stale"
        return Change(path, "changed", cause, base, file.data, merged.save, merged=True)

    def _is_taken(self, path: str) -> bool:
        return any(path == name or path.startswith(name + "/") for name in self.tree.take)

    def orphans(self) -> list[Change]:
        """The files of ours on disk that are no output any more; what is kept is reported."""
        changes: list[Change] = []
        for path, hashes in self.owned.orphans(self.patterns):
            found = self.disk.read(path)
            if found.data is None and not found.problem:
                continue
            why = self._why_kept(path, found, hashes)
            if why:
                kept = problems.orphan_in_chart if _DEPLOYED.match(path) else problems.orphan_kept
                self.diagnostics.append(kept(path, why))
                continue
            cause: Cause = "interrupted" if path in self.owned.journal.files else "orphaned"
            changes.append(Change(path, "removed", cause, found.data, None))
        removed = {change.path for change in changes}
        reported = {diagnostic.place.file for diagnostic in self.diagnostics}
        known = {*self.tree.files, *removed, *reported}
        self.diagnostics += map(_unknown, self.owned.unknown(known))
        return changes

    def _why_kept(self, path: str, found: Found, hashes: frozenset[str]) -> str | None:
        if found.problem:
            return found.problem.message
        if not self.patterns.match(path):
            return "this `gen` has no output of that name"
        data = found.data or b""
        intact = digest(data) in hashes if hashes else is_untouched(data.decode("utf-8", "replace"))
        return None if intact else "it was changed by hand"


def _unknown(path: str) -> Diagnostic:
    return problems.foreign_in_chart(path) if _DEPLOYED.match(path) else problems.unknown_file(path)


def _keeps_modes(changes: list[Change]) -> bool:
    """Tell whether the file system stores the executable bit: where every file has it, it means nothing."""
    there = [change for change in changes if change.old is not None and not change.merged]
    return not all(change.executable for change in there) or len(there) < 2


def _without_mode(change: Change) -> Change:
    if change.executable and change.old == change.new:
        return Change(change.path, "unchanged", None, change.old, change.new)
    return change
