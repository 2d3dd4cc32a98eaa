"""What waits to be written: in memory while it is little, then in a file without a name, and the same either way."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from compiler.output import kept
from compiler.output.diff import unified
from compiler.output.kept import Kept, Store
from compiler.output.write import WriteError, write
from tests.output.faults import Counter
from tests.output.project import gen, look, outputs, snapshot

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = outputs("1"), outputs("2", ("local", "production"))
TEXTS = [os.urandom(size) for size in (0, 1, 7_000, 3_000, 7_000, 20_000)]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The temporary files that were made."""
    made: list[Any] = []
    real = tempfile.TemporaryFile

    def noting(*args: Any, **options: Any) -> Any:
        made.append(real(*args, **options))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", noting)
    return made


def held(store: Store) -> int:
    return sum(len(place) for place in store._places.values() if isinstance(place, bytes))


def test_what_is_kept_comes_back(files: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MEMORY", 10_000)
    store = Store()
    for count in range(1, len(TEXTS) + 1):
        found = [store.keep(text) for text in TEXTS[:count]]
        assert [one.read() for one in found] == TEXTS[:count]
        assert held(store) <= 10_000
    assert len(files) == 1
    assert os.fstat(files[0].fileno()).st_nlink == 0, "it has no name"
    assert os.fstat(files[0].fileno()).st_size <= sum(map(len, TEXTS)), "each text once"
    del store, found
    assert files[0].closed


def test_little_stays_in_memory(files: list[Any]) -> None:
    store = Store()
    assert [store.keep(text).read() for text in TEXTS] == TEXTS
    assert files == []


def test_bytes_are_known_by_their_hash() -> None:
    store = Store()
    assert store.keep(b"a") == Store().keep(b"a") == Kept(store.keep(b"a").digest) != store.keep(b"b")
    with pytest.raises(ValueError, match="nothing but the hash"):
        Kept(store.keep(b"a").digest).read()


def test_a_machine_without_room_for_the_file_has_it_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MEMORY", 10_000)

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    store = Store()
    assert [store.keep(text).read() for text in TEXTS] == TEXTS


def test_a_file_that_changed_is_not_written(files: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MEMORY", 0)
    one = Store().keep(b"what was compiled")
    files[0].seek(0)
    files[0].write(b"another")
    with pytest.raises(OSError, match="not what was put there"):
        one.read()


@pytest.mark.parametrize("memory", [0, 200, kept.MEMORY])
def test_outputs_are_the_same_wherever_they_waited(
    tmp_path: Path, files: list[Any], monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    monkeypatch.setattr(kept, "MEMORY", memory)
    gen(OLD, tmp_path)
    (tmp_path / "out/local/README.md").write_text("by hand\n")
    shown = "".join(unified(change) for change in look(NEW, tmp_path).changes)
    assert "-by hand" in shown
    assert "+Version 2." in shown
    ((path, copy),) = gen(NEW, tmp_path).saved
    assert path == "out/local/README.md"
    assert (tmp_path / copy).read_text() == "by hand\n"
    assert {path: data for path, data in snapshot(tmp_path).items() if path.startswith("out/")} == {
        path: file for path, file in expected(tmp_path / "other").items() if path.startswith("out/")
    }
    assert bool(files) == (memory < 1000)


def expected(root: Path) -> dict[str, bytes]:
    """The new outputs in a folder where nothing was before."""
    root.mkdir()
    gen(NEW, root)
    return snapshot(root)


def test_the_old_tree_is_put_back_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MEMORY", 0)
    gen(OLD, tmp_path)
    before, comparison = snapshot(tmp_path), look(NEW, tmp_path)
    replaced = []

    def fail_late(name: str, args: tuple[Any, ...]) -> None:
        if name == "replace" and len(replaced) < 9:
            replaced.append(args)
            if len(replaced) == 5:
                raise OSError(errno.EIO, "")

    with Counter(1, fail_late, onwards=True), pytest.raises(WriteError):
        write(comparison, tmp_path)
    assert len(replaced) > 5, "what was replaced is put back"
    assert snapshot(tmp_path) == before
