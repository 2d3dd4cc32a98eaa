"""A comparison into files on disk, all or nothing.

Everything new is staged in `.gen/stage/`, the hashes of what is going to happen are put into `.gen/journal.json`,
then each file is replaced by one rename, then the journal goes. After a crash the next comparison reads the
journal, so it knows our own half-done work from a hand edit, and the next write finishes it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from compiler.frozen import dataclass
from compiler.output import problems
from compiler.output.disk import Disk
from compiler.output.paths import RECORD_NAME, parent
from compiler.output.record import Record, digest, digest_of, parse, render
from compiler.output.tree import JOURNAL
from compiler.output.write.lock import lock
from compiler.output.write.low import ChangedError, WriteError, check_writable, create, folder, reporting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from compiler.output.compare import Change, Comparison

_STAGE = ".gen/stage"
_HALF_WAY = "the write stopped half-way; clear the cause and run `gen` again: it goes on from there"


@dataclass(frozen=True, slots=True)
class Written:
    """What was done: the path and the saved copy of each hand edit that was overwritten."""

    saved: tuple[tuple[str, str], ...] = ()


def write(comparison: Comparison, root: Path, patience: float = 5.0) -> Written:
    """Make the disk below `root` what `comparison` says; with nothing to do, touch nothing at all.

    Waits about `patience` seconds for another `gen`. Raises WriteError, after which the tree is as before (or
    is marked as interrupted, and the message says so), ChangedError when the disk changed since the comparison, and
    ValueError when the comparison holds an error.
    """
    if comparison.has_errors:
        raise ValueError("a comparison with errors is not written")
    todo = [change for change in comparison.changes if change.kind != "unchanged"]
    disk = Disk(root)
    if not todo and not disk.exists(JOURNAL) and not disk.exists(_STAGE):
        return Written()
    with reporting("."):
        fd = os.open(disk.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with lock(fd, patience):
            return _Transaction(fd, disk.root, todo, comparison).run()
    finally:
        os.close(fd)


class _Transaction:
    """One run under the lock; all paths are opened from the descriptor `root`, through no link."""

    def __init__(self, root: int, base: str, todo: list[Change], comparison: Comparison) -> None:
        # Records go last: until then the old one proves that the old files are ours.
        self.todo = sorted(todo, key=lambda c: (c.path.endswith("/" + RECORD_NAME), c.new is None, c.path))
        self.root, self.base, self.journal, self.comparison = root, base, comparison.journal, comparison
        earlier = parse(self.journal, JOURNAL) if self.journal else None
        self.earlier = earlier if isinstance(earlier, Record) else Record()
        self.made: list[str] = []

    def run(self) -> Written:
        self._check_unchanged()
        self._clear_stage()
        try:
            saved = self._save()
            self._stage()
            # From here on a signal waits: the tree goes from old to new as a whole.
            with _signals_held():
                self._commit()
        finally:
            with contextlib.suppress(WriteError):
                self._clear_stage()
        return Written(saved)

    def _check_unchanged(self) -> None:
        """Look at all that was compared once more, now that nobody else writes: also at what stays as it is."""
        disk = Disk(self.base)
        old = ((change.path, change.old and change.old.digest) for change in self.comparison.changes)
        for path, expected in (*self.comparison.seen, *old):
            found = disk.read(path)
            if found.problem:
                raise WriteError(found.problem)
            if digest_of(found.data) != expected:
                raise ChangedError(problems.changed_meanwhile(path))

    def _save(self) -> tuple[tuple[str, str], ...]:
        """Copy each hand edit that is going to be overwritten; a copy that is there already is never touched."""
        return tuple(
            (c.path, self._saved(c.path, c.old.read())) for c in self.todo if c.save and c.old is not None
        )

    def _saved(self, original: str, data: bytes) -> str:
        disk = Disk(self.base)
        short, long = (f".gen/saved/{original}.{digest(data)[:length]}" for length in (8, 64))
        path = short if disk.read(short).data in (None, data) else long
        found = disk.read(path)
        if found.problem:
            raise WriteError(found.problem)
        if found.data is None:
            with folder(self.root, _STAGE, made=[]) as stage, folder(self.root, parent(path), made=[]) as to:
                create(stage, "saved", data, 0o644, path)
                with reporting(path):
                    os.replace("saved", path.rpartition("/")[2], src_dir_fd=stage, dst_dir_fd=to)
        return path

    def _stage(self) -> None:
        for change in self.todo:
            check_writable(self.root, change.path)
        with folder(self.root, _STAGE, made=[]) as stage:
            for number, change in enumerate(self.todo):
                if change.new is not None:
                    create(stage, str(number), change.new.read(), self._mode(change), change.path)
            if self.todo:
                create(stage, "journal", self._journal_text(), 0o644, JOURNAL)

    def _mode(self, change: Change) -> int:
        if change.merged and change.old is not None:
            with reporting(change.path), folder(self.root, parent(change.path)) as to:
                status = os.stat(change.path.rpartition("/")[2], dir_fd=to, follow_symlinks=False)
                return status.st_mode & 0o777
        return 0o644

    def _journal_text(self) -> bytes:
        """The hashes that will be ours, with those of an earlier write that was not finished."""
        files, scripts = dict(self.earlier.files), dict(self.earlier.scripts)
        for change in self.todo:
            ours = change.new or change.old
            if ours is not None:
                files[change.path] = files.get(change.path, frozenset()) | {ours.digest}
            if change.new is not None and change.path.endswith("/" + RECORD_NAME):
                record = parse(change.new.read(), change.path)
                for key, hashes in record.scripts.items() if isinstance(record, Record) else ():
                    scripts[key] = scripts.get(key, frozenset()) | hashes
        return render(Record(files, scripts)).encode()

    def _commit(self) -> None:
        with folder(self.root, ".gen") as gen, folder(self.root, _STAGE, made=[]) as stage:
            if self.todo:
                with reporting(JOURNAL):
                    os.replace("journal", "journal.json", src_dir_fd=stage, dst_dir_fd=gen)
            done: list[Change] = []
            try:
                for number, change in enumerate(self.todo):
                    self._apply(change, str(number), stage)
                    done.append(change)
            except WriteError as error:
                self._undo(done, stage, gen, error)
                raise
            gone = [change.path for change in self.todo if change.new is None]
            self._remove_empty(parent(path) for path in [*gone, *self.earlier.files])
            # The one sync: what was renamed is on disk before the journal goes.
            with contextlib.suppress(OSError):
                os.fsync(gen)
            try:
                os.unlink("journal.json", dir_fd=gen)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise WriteError(problems.cannot_write(JOURNAL, error, "every output is written")) from error

    def _apply(self, change: Change, staged: str, stage: int) -> None:
        name = change.path.rpartition("/")[2]
        made = None if change.new is None else self.made
        with folder(self.root, parent(change.path), made) as to, reporting(change.path):
            if change.new is None:
                os.unlink(name, dir_fd=to)
            else:
                os.replace(staged, name, src_dir_fd=stage, dst_dir_fd=to)

    def _undo(self, done: list[Change], stage: int, gen: int, error: WriteError) -> None:
        """Put the old bytes back; if that fails too, the journal stays and the next `gen` goes on from there."""
        try:
            for change in reversed(done):
                self._put_back(change, stage)
            self._remove_empty(self.made)
            # An earlier, unfinished write is as unfinished as before: then the journal is still needed.
            if self.journal is None:
                os.unlink("journal.json", dir_fd=gen)
        except (OSError, WriteError):
            raise WriteError(replace(error.diagnostic, help=_HALF_WAY)) from error

    def _put_back(self, change: Change, stage: int) -> None:
        name = change.path.rpartition("/")[2]
        with folder(self.root, parent(change.path)) as to:
            if change.old is None:
                os.unlink(name, dir_fd=to)
                return
            mode = 0o755 if change.executable else 0o644 if change.new is None else self._mode(change)
            create(stage, "undo", change.old.read(), mode, change.path)
            os.replace("undo", name, src_dir_fd=stage, dst_dir_fd=to)

    def _remove_empty(self, folders: Iterable[str]) -> None:
        """Remove those of `folders` below `out/` that are empty, and what is empty above them."""
        for path in sorted({*folders}, key=lambda path: (-len(path), path)):
            while path == "out" or path.startswith("out/"):
                if not self._remove_folder(path):
                    break
                path = parent(path)

    def _remove_folder(self, path: str) -> bool:
        """Remove the folder `path` if it is empty; tell whether it is gone."""
        try:
            with folder(self.root, parent(path)) as above:
                os.rmdir(path.rpartition("/")[2], dir_fd=above)
        except FileNotFoundError:
            return True
        except WriteError as error:
            return isinstance(error.__cause__, FileNotFoundError)
        except OSError:
            return False
        return True

    def _clear_stage(self) -> None:
        if not Disk(self.base).exists(_STAGE):
            return
        with folder(self.root, _STAGE) as stage, reporting(_STAGE):
            for name in os.listdir(stage):  # noqa: PTH208 - a descriptor has no pathlib
                os.unlink(name, dir_fd=stage)
        with folder(self.root, ".gen") as gen, reporting(_STAGE):
            os.rmdir("stage", dir_fd=gen)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let Ctrl-C and its kind wait until the block is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
