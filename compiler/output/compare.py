"""The tree as it shall be and the disk into what has to change, and why; reads only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.emit.seal import is_sealed, is_untouched
from compiler.frozen import dataclass
from compiler.output import problems
from compiler.output.disk import Disk, Found
from compiler.output.kept import Kept, Store
from compiler.output.owned import Owned
from compiler.output.paths import Patterns
from compiler.output.record import digest

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

    Of a file that stays as it is only the hash is kept. `save`: `old` holds bytes that are not ours and is copied
    before it goes. `executable`: the file on disk has the executable bit, which no output has. `merged`: the file is
    the user's, so its mode stays.
    """

    path: str
    kind: ChangeKind
    cause: Cause | None
    old: Kept | None
    new: Kept | None
    save: bool = False
    executable: bool = False
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes by path, sorted. With an error among `diagnostics` nothing may be written.

    `seen` holds the hashes of the journal and the records (None = not there) each time they were read: what "ours" was
    judged by. Two readings of one path that differ fit no disk, so such a comparison is never written. `journal` is
    what an earlier `gen` left behind that was killed while it wrote.
    """

    changes: tuple[Change, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    seen: tuple[tuple[str, str | None], ...] = ()
    journal: bytes | None = None

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
    """Compare `tree` with what lies below `root`, see `Comparer`."""
    comparer = Comparer(root, emitters)
    comparer.add(tree)
    return comparer.result()


class Comparer:
    """Compares one tree after the other with what lies below `root`; `emitters` say which paths may ever be removed.

    Of a file that stays as it is nothing but its hash is kept, so that trees need not be in memory together.
    """

    def __init__(self, root: Path, emitters: Iterable[Emitter]) -> None:
        """Read the journal and the records below `root`."""
        self._disk, self._patterns = Disk(root), Patterns(emitters)
        self._owned = Owned(self._disk)
        self._store = Store()
        self._changes: list[Change] = []
        self._diagnostics: list[Diagnostic] = []
        self._outputs: dict[str, bool] = {}
        self._seen: list[tuple[str, str | None]] = []

    def add(self, tree: Tree) -> None:
        """Compare the files of `tree`. Raises ValueError when one fits no pattern of an emitter: that is a bug."""
        self._seen += tree.seen
        for path, file in tree.files.items():
            if not self._patterns.match(path):
                raise ValueError(f"{path} fits no pattern of any emitter")
            self._changes.append(self._merged(path, file) if file.merged else self._change(path, file, tree))
            self._outputs[path] = file.kind == "record"
            self._owned.settle(path)

    def result(self) -> Comparison:
        """Say what has to change, now that all that there shall be was compared."""
        changes = [*self._changes, *self._orphans()]
        diagnostics = {*self._owned.diagnostics(self._outputs), *self._diagnostics}
        modes = _keeps_modes(changes)
        done = sorted((_without_mode(c) if not modes else c for c in changes), key=lambda change: change.path)
        records = (path for path, is_record in self._outputs.items() if is_record)
        return Comparison(
            tuple(done),
            tuple(sorted(diagnostics, key=lambda d: (d.place, d.code, d.message))),
            (*self._seen, *self._owned.seen(records).items()),
            self._owned.journal_data,
        )

    def _change(self, path: str, file: TreeFile, tree: Tree) -> Change:
        """What happens to the tree's file at `path`."""
        found = self._disk.read(path)
        if found.problem:
            self._diagnostics.append(found.problem)
            return Change(path, "unchanged", None, None, Kept(digest(file.data)))
        if found.data == file.data and not found.executable:
            same = Kept(digest(file.data))
            return Change(path, "unchanged", None, same, same)
        new = self._store.keep(file.data)
        if found.data is None:
            cause: Cause = "interrupted" if path in self._owned.journal.files else "missing"
            return Change(path, "created", cause, None, new)
        why = self._cause(path, file, found.data)
        if why is None and not _is_taken(path, tree.take):
            self._diagnostics.append(problems.foreign_file(path))
        cause = why or "hand-edited"
        save = cause == "hand-edited" and found.data != file.data
        return Change(path, "changed", cause, self._store.keep(found.data), new, save, found.executable)

    def _cause(self, path: str, file: TreeFile, data: bytes) -> Cause | None:
        """Why `data` is not what shall be at `path`; None when the file is not ours."""
        if data == file.data:
            return "hand-edited"
        in_journal = path in self._owned.journal.files
        if file.kind == "record":
            return "interrupted" if in_journal else "stale"
        if file.kind == "sealed":
            text = data.decode("utf-8", "replace")
            ours, intact = is_sealed(text.replace("\r\n", "\n")), is_untouched(text)
        else:
            hashes = self._owned.hashes(path)
            ours, intact = bool(hashes), digest(data) in hashes
        if not ours and not in_journal:
            return None
        if not intact:
            return "hand-edited"
        return "interrupted" if in_journal else "stale"

    def _merged(self, path: str, file: TreeFile) -> Change:
        base, merged = file.base, file.merged
        if base == file.data or merged is None:
            same = Kept(digest(file.data))
            return Change(path, "unchanged", None, same, same, merged=True)
        in_journal = path in self._owned.journal.files
        new = self._store.keep(file.data)
        if base is None:
            return Change(path, "created", "interrupted" if in_journal else "missing", None, new, merged=True)
        old = self._store.keep(base)
        if old.digest in self._owned.journal.files.get(path, ()):
            return Change(path, "changed", "interrupted", old, new, merged=True)
        cause: Cause = "hand-edited" if merged.edited else "interrupted" if in_journal else "stale"
        return Change(path, "changed", cause, old, new, merged.save, merged=True)

    def _orphans(self) -> list[Change]:
        """The files of ours on disk that are no output any more; what is kept is reported."""
        changes: list[Change] = []
        for path, hashes in self._owned.orphans(self._patterns, self._outputs):
            found = self._disk.read(path)
            if found.data is None and not found.problem:
                continue
            why = self._why_kept(path, found, hashes)
            if why:
                kept = problems.orphan_in_chart if _DEPLOYED.match(path) else problems.orphan_kept
                self._diagnostics.append(kept(path, why))
                continue
            cause: Cause = "interrupted" if path in self._owned.journal.files else "orphaned"
            changes.append(Change(path, "removed", cause, self._store.keep(found.data or b""), None))
        reported = {diagnostic.place.file for diagnostic in self._diagnostics}
        reported |= {diagnostic.place.file for diagnostic in self._owned.diagnostics(self._outputs)}
        known = {*self._outputs, *(change.path for change in changes), *reported}
        self._diagnostics += map(_unknown, self._owned.unknown(known))
        return changes

    def _why_kept(self, path: str, found: Found, hashes: frozenset[str]) -> str | None:
        if found.problem:
            return found.problem.message
        if not self._patterns.match(path):
            return "this `gen` has no output of that name"
        data = found.data or b""
        intact = digest(data) in hashes if hashes else is_untouched(data.decode("utf-8", "replace"))
        return None if intact else "it was changed by hand"


def _is_taken(path: str, take: Iterable[str]) -> bool:
    return any(path == name or path.startswith(name + "/") for name in take)


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
