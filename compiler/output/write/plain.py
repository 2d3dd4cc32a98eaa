"""Texts that become the user's own (a starter spec, its schema) into files, as safely as the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.output.compare import Change, ChangeKind, Comparison
from compiler.output.disk import Disk
from compiler.output.kept import Store
from compiler.output.record import digest_of
from compiler.output.tree import JOURNAL
from compiler.output.write.low import WriteError
from compiler.output.write.transaction import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def write_files(root: Path, files: Mapping[str, str], replace: bool) -> list[str]:
    """Write `files` (text by path relative to `root`) all or nothing; returns the paths that were written, sorted.

    A file that is there already is left alone unless `replace`, and in any case when it is the same. Nobody's
    record or seal says that they are ours, so `gen` never removes them. Raises WriteError.
    """
    disk = Disk(root)
    changes: list[Change] = []
    store = Store()
    for path in sorted(files):
        found, new = disk.read(path), files[path].encode()
        if found.problem:
            raise WriteError(found.problem)
        if found.data is None:
            changes.append(Change(path, "created", None, None, store.keep(new)))
        elif replace and found.data != new:
            changes.append(
                Change(path, "changed", None, store.keep(found.data), store.keep(new), merged=True)
            )
    journal = disk.read(JOURNAL).data
    write(Comparison(tuple(changes), (), ((JOURNAL, digest_of(journal)),), journal), root)
    return [change.path for change in changes]


def edited(root: Path, path: str, edit: Callable[[str | None], str]) -> Change | None:
    """Return what `edit` makes of the user's file at `path` (None where there is none), for a comparison.

    Nothing for a file that is not UTF-8, which whoever reads it refuses. Raises WriteError for what is no plain file.
    """
    found = Disk(root).read(path)
    if found.problem:
        raise WriteError(found.problem)
    try:
        text = None if found.data is None else found.data.decode()
    except UnicodeDecodeError:
        return None
    new = edit(text).encode()
    kind: ChangeKind = "created" if text is None else "unchanged" if new == found.data else "changed"
    store = Store()
    old = None if found.data is None else store.keep(found.data)
    return Change(path, kind, None, old, store.keep(new), merged=True)
