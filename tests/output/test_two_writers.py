"""Several `gen` at once: one waits for the other, and the tree is always that of one of them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from compiler.output.apply import apply
from compiler.output.compare import Comparison
from compiler.output.write import ChangedError, WriteError, write
from tests.output.project import drift, gen, look, snapshot
from tests.output.test_crash import NEW, OLD, before, expected, made

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_many_writers_of_the_same(tmp_path: Path) -> None:
    end = expected(tmp_path, NEW)
    root = tmp_path / "root"
    before(root)
    assert _together(4, lambda number: _write(root, NEW)) == [0, 0, 0, 0]
    assert snapshot(root) == end
    assert drift(made(NEW), root) == {}


def test_many_writers_of_different_versions(tmp_path: Path) -> None:
    ends = [expected(tmp_path, goal) for goal in (OLD, NEW)]
    root = tmp_path / "root"
    before(root)

    def work(number: int) -> int:
        return max(_write(root, (OLD, NEW)[(number + turn) % 2]) for turn in range(12))

    assert set(_together(4, work)) <= {0, 2}
    assert snapshot(root) in ends
    saved = [path.read_text() for path in (root / ".gen/saved").rglob("*") if path.is_file()]
    assert saved == ["edited by hand\n"]
    assert not (root / ".gen/stage").exists()
    assert not (root / ".gen/journal.json").exists()


def _write(root: Path, goal: tuple[str, tuple[str, ...]]) -> int:
    """One `gen`: 0, or 2 when others were faster again and again; nothing else may go wrong."""
    try:
        gen(made(goal), root)
    except ChangedError:
        return 2
    return 0


def _together(count: int, work: Callable[[int], int]) -> list[int]:
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            code = 99
            try:
                code = work(number)
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def test_a_file_that_another_gen_is_just_creating_is_not_foreign(tmp_path: Path) -> None:
    gen(made(OLD), tmp_path)
    record = tmp_path / "out/local/.gen.json"
    text = record.read_text()
    record.unlink()
    seen = []

    def compare_while_the_other_ends() -> Comparison:
        seen.append(look(made(NEW), tmp_path))
        record.write_text(text)
        return seen[-1]

    _, written = apply(compare_while_the_other_ends, tmp_path)
    assert [comparison.has_errors for comparison in seen] == [True, False]
    assert written is not None
    assert written.saved == ()


def test_a_lock_that_stays_taken_is_said(tmp_path: Path) -> None:
    gen(made(OLD), tmp_path)
    ready, done = os.pipe(), os.pipe()
    holder = os.fork()
    if holder == 0:
        import fcntl

        lock = os.open(tmp_path / ".gen/lock", os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"4711\n", 0)
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    unchanged = snapshot(tmp_path)
    with pytest.raises(WriteError) as caught:
        write(look(made(NEW), tmp_path), tmp_path, patience=0.1)
    assert caught.value.diagnostic.code == "locked"
    assert "another `gen` (process 4711) is writing here" in caught.value.diagnostic.message
    assert snapshot(tmp_path) == unchanged
    assert drift(made(OLD), tmp_path) == {}, "a comparison takes no lock"
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    gen(made(NEW), tmp_path)
    for fd in (*ready, *done):
        os.close(fd)
