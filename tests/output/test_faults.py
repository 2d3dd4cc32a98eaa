"""A full or read-only disk, missing rights, Ctrl-C: a clear error, the old tree intact, nothing left behind."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from compiler.output.write import WriteError, write
from tests.output.faults import Counter, in_child
from tests.output.project import codes, drift, gen, identities, look, outputs, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from compiler.diagnostics.model import Diagnostic
    from compiler.output.compare import Comparison

OLD = outputs("1", ("local", "staging"))
NEW = outputs("2", ("local", "production"))
NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    gen(OLD, tmp_path)
    return tmp_path


def traces(root: Path) -> list[str]:
    """What `gen` leaves in its folder besides what stays there."""
    folder = root / ".gen"
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    return sorted(names - {".gitignore", "lock", "saved"})


def raising(number: int) -> Callable[[str, tuple[Any, ...]], None]:
    def fault(name: str, args: tuple[Any, ...]) -> None:
        raise OSError(number, os.strerror(number))

    return fault


def attempt(comparison: Comparison, root: Path) -> Diagnostic | None:
    """Write; what was wrong, if it was not possible."""
    try:
        write(comparison, root)
    except WriteError as error:
        return error.diagnostic
    return None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EMFILE])
def test_an_error_at_any_operation_leaves_the_old_tree(root: Path, number: int) -> None:
    old = snapshot(root)
    failed, at = 0, 0
    while True:
        at += 1
        comparison = look(NEW, root)
        with Counter(at, raising(number)) as counter:
            found = attempt(comparison, root)
        if counter.count < at:
            break
        if found and "every output is written" not in (found.help or ""):
            failed += 1
            assert found.code == "cannot-write"
            assert errno.errorcode[number] in found.message
            assert found.place.file
            assert snapshot(root) == old, at
            assert drift(OLD, root) == {}
            assert set(traces(root)) <= {"stage"}
            continue
        # An error that changes nothing for the user: the folder stays, the sync is left out.
        assert drift(NEW, root) == {}
        shutil.rmtree(root)
        root.mkdir()
        gen(OLD, root)
    assert failed > 40
    assert traces(root) == []


def test_when_undoing_fails_too_the_next_run_goes_on(root: Path) -> None:
    new = dict(snapshot(root))
    halves = 0
    for at in range(1, 200):
        comparison = look(NEW, root)
        with Counter(at, raising(errno.EIO), onwards=True) as counter:
            found = attempt(comparison, root)
        if counter.count < at:
            break
        if (root / ".gen/journal.json").exists():
            state = "every output is written" if look(NEW, root).in_sync else "half-way"
            assert found
            assert state in (found.help or "")
            halves += 1
        assert look(NEW, root).interrupted == (root / ".gen/journal.json").exists()
        assert all(c.cause != "hand-edited" for c in look(NEW, root).changes)
        gen(OLD, root)
        assert snapshot(root) == new
        assert traces(root) == []
    assert halves > 10


def test_an_earlier_interruption_survives_a_failing_write(root: Path) -> None:
    def die() -> None:
        with Counter(60, lambda name, args: os.kill(os.getpid(), signal.SIGKILL)):
            gen(NEW, root)

    assert in_child(die) == -signal.SIGKILL
    comparison = look(NEW, root)
    assert comparison.interrupted
    half = snapshot(root)
    for at in range(1, 200):
        with Counter(at, raising(errno.ENOSPC)):
            found = attempt(look(NEW, root), root)
        if not found or snapshot(root) != half:
            break
        assert look(NEW, root).interrupted, at
    assert at > 20
    assert gen(NEW, root).saved == ()
    assert drift(NEW, root) == {}


def test_a_file_that_does_not_fit(root: Path) -> None:
    """A limit on the size of files is the portable full disk: the write ends in the middle of a file."""
    old = snapshot(root)

    def run() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))
        found = attempt(look(NEW, root), root)
        assert found
        assert found.message == "cannot write out/local/plan.json: File too large (EFBIG)"
        return 0

    assert in_child(run) == 0
    assert snapshot(root) == old
    assert traces(root) == []


def as_nobody(root: Path, run: Callable[[Path], int | None]) -> int:
    """Run `run` in `root` as a user without rights to other people's files."""

    def child() -> int | None:
        os.chdir(root)
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        return run(Path())

    return in_child(child)


def refused(path: str) -> Callable[[Path], None]:
    """Write, and expect a clear message about `path`."""

    def run(here: Path) -> None:
        found = attempt(look(NEW, here), here)
        assert found
        assert (found.code, found.message) == (
            "cannot-write",
            f"cannot write {path}: Permission denied (EACCES)",
        )

    return run


def test_a_folder_that_is_not_ours(root: Path) -> None:
    shutil.rmtree(root / ".gen")
    old = snapshot(root)
    root.chmod(0o555)
    try:
        assert as_nobody(root, refused(".gen")) == 0
    finally:
        root.chmod(0o755)
    assert snapshot(root) == old
    assert not (root / ".gen").exists()


def test_one_folder_inside_that_is_not_ours(root: Path) -> None:
    old = snapshot(root)
    for path in [root, *root.rglob("*")]:
        if os.getuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    (root / "out/local").chmod(0o555)
    before = identities(root)
    try:
        assert as_nobody(root, refused("out/local/README.md")) == 0
        assert {path: seen for path, seen in identities(root).items() if before[path] != seen}.keys() <= {
            str(root / ".gen"),
            str(root / ".gen/lock"),
        }
    finally:
        (root / "out/local").chmod(0o755)
    assert snapshot(root) == old
    assert traces(root) == []


def test_check_works_where_nothing_can_be_written(root: Path) -> None:
    (root / "out/local/README.md").write_text("edited\n")
    shutil.rmtree(root / ".gen")
    before = identities(root)

    def run(here: Path) -> None:
        assert drift(OLD, here) == {"out/local/README.md": ("changed", "hand-edited")}
        with Counter(1, raising(errno.EROFS), onwards=True) as counter:
            assert not look(NEW, here).in_sync
        assert counter.count == 0

    root.chmod(0o555)
    try:
        assert as_nobody(root, run) == 0
    finally:
        root.chmod(0o755)
    after = identities(root)
    assert {k: v[:2] for k, v in after.items()} == {k: v[:2] for k, v in before.items()}


def test_a_file_that_cannot_be_read(root: Path) -> None:
    path = root / "out/local/plan.json"
    path.chmod(0)
    root.chmod(0o755)

    def run(here: Path) -> None:
        comparison = look(NEW, here)
        assert codes(comparison) == [("cannot-read", "out/local/plan.json")]
        assert comparison.diagnostics[0].message == (
            "cannot read out/local/plan.json: Permission denied (EACCES)"
        )

    assert as_nobody(root, run) == 0


def test_ctrl_c_at_any_operation(root: Path) -> None:
    old = snapshot(root)
    gen(NEW, root)
    new = snapshot(root)
    gen(OLD, root)
    ends, at = set(), 0

    def interrupted() -> int:
        try:
            write(look(NEW, root), root)
        except KeyboardInterrupt:
            return 130
        return 0

    while True:
        at += 1

        def run(at: int = at) -> int:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            with Counter(at, lambda name, args: os.kill(os.getpid(), signal.SIGINT)):
                return interrupted()

        code = in_child(run)
        assert code in (0, 130)
        now = snapshot(root)
        assert now in (old, new)
        assert set(traces(root)) <= {"stage"}
        ends.add((code, now == new))
        if code == 0:
            break
        gen(OLD, root)
        assert traces(root) == []
    assert ends == {(130, False), (130, True), (0, True)}
