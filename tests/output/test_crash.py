"""kill -9 anywhere, two writers at once: every file is whole, and the next `gen` gets where it wants."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.output.faults import Counter, in_child, kill
from tests.output.project import codes, drift, gen, identities, look, outputs, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from compiler.emit.file import Output

OLD = ("1", ("local", "staging"))
NEW = ("2", ("local", "production"))
OTHER = ("3", ("local", "preview"))
EDITED = "out/local/README.md"


def made(goal: tuple[str, tuple[str, ...]]) -> list[Output]:
    return outputs(*goal)


def before(root: Path) -> dict[str, bytes]:
    """The old tree with one hand edit, and with a package.json of the user's."""
    template = root.parent / "template"
    if not template.exists():
        template.mkdir()
        (template / "package.json").write_text('{"name": "x"}\n')
        gen(made(OLD), template)
        (template / EDITED).write_text("edited by hand\n")
    shutil.copytree(template, root)
    return snapshot(root)


def expected(tmp_path: Path, goal: tuple[str, tuple[str, ...]]) -> dict[str, bytes]:
    """What the tree is in the end, when nothing goes wrong."""
    root = tmp_path / "expected"
    before(root)
    gen(made(goal), root)
    found = snapshot(root)
    shutil.rmtree(root)
    return found


def killed_at(root: Path, goal: tuple[str, tuple[str, ...]], at: int) -> bool:
    """Run `gen` and kill it at its `at`-th operation; False when it ended before."""

    def run() -> None:
        with Counter(at, kill):
            gen(made(goal), root)

    code = in_child(run)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def check_is_honest(root: Path, goal: tuple[str, tuple[str, ...]]) -> None:
    """Each cause is right: only the hand edit is one, and what the killed write was about is *interrupted*."""
    unchanged = identities(root)
    comparison = look(made(goal), root)
    assert identities(root) == unchanged
    assert not comparison.has_errors, comparison.diagnostics
    for change in comparison.changes:
        if change.cause == "hand-edited":
            assert (root / change.path).read_text() == "edited by hand\n"
        elif change.kind != "unchanged" and comparison.journal:
            assert (change.cause == "interrupted") == (change.path in comparison.journal.decode())
        assert change.save == (change.cause == "hand-edited")


def check_converges(root: Path, goal: tuple[str, tuple[str, ...]], end: dict[str, bytes]) -> None:
    """The next `gen` makes the tree what it shall be, and leaves no trace of the crash but the saved hand edit."""
    gen(made(goal), root)
    assert snapshot(root) == end
    assert drift(made(goal), root) == {}
    assert sorted(path.name for path in (root / ".gen").iterdir()) == [".gitignore", "lock", "saved"]
    saved = [path for path in (root / ".gen/saved").rglob("*") if path.is_file()]
    assert [path.read_text() for path in saved] == ["edited by hand\n"]
    empty = [path for path in root.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert empty in ([], [root / ".github/workflows"])


@pytest.mark.parametrize("then", [OLD, NEW], ids=["undo", "finish"])
def test_kill_at_every_operation(tmp_path: Path, then: tuple[str, tuple[str, ...]]) -> None:
    old, new, end = snapshot_of_old(tmp_path), expected(tmp_path, NEW), expected(tmp_path, then)
    root = tmp_path / "root"
    kills = 0
    interrupted = 0
    while True:
        before(root)
        if not killed_at(root, NEW, kills + 1):
            break
        kills += 1
        for path, data in snapshot(root).items():
            assert data in (old.get(path), new.get(path)), f"torn after operation {kills}: {path}"
        for goal in (NEW, OTHER):
            check_is_honest(root, goal)
        interrupted += (root / ".gen/journal.json").exists()
        check_converges(root, then, end)
        shutil.rmtree(root)
    assert kills >= 70
    assert interrupted >= 20
    assert snapshot(root) == new


def snapshot_of_old(tmp_path: Path) -> dict[str, bytes]:
    found = before(tmp_path / "old")
    shutil.rmtree(tmp_path / "old")
    return found


def test_kill_the_recovery_too(tmp_path: Path) -> None:
    dice = random.Random(3)
    ends = {goal: expected(tmp_path, goal) for goal in (OLD, NEW, OTHER)}
    root = tmp_path / "root"
    for _ in range(25):
        before(root)
        for _ in range(4):
            goal = dice.choice([OLD, NEW, OTHER])
            killed_at(root, goal, dice.randint(1, 90))
            check_is_honest(root, dice.choice([OLD, NEW, OTHER]))
        goal = dice.choice([OLD, NEW, OTHER])
        check_converges(root, goal, ends[goal])
        shutil.rmtree(root)


def test_kill_at_random_times(tmp_path: Path) -> None:
    dice = random.Random(5)
    ends = [expected(tmp_path, goal) for goal in (OLD, NEW, OTHER)]
    root = tmp_path / "root"
    before(root)
    gen(made(OLD), root)
    for _ in range(60):
        child = os.fork()
        if child == 0:
            while True:
                for goal in (NEW, OTHER, OLD):
                    gen(made(goal), root)
        time.sleep(dice.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        whole = [*ends, {"package.json": b'{"name": "x"}\n'}]
        for path, data in snapshot(root).items():
            assert any(data == end.get(path) for end in whole), path
        check_is_honest(root, NEW)
    check_converges(root, NEW, ends[1])


def test_an_edit_after_the_crash_is_a_hand_edit(tmp_path: Path) -> None:
    root = tmp_path / "root"
    at = 40
    while True:
        before(root)
        assert killed_at(root, NEW, at)
        if (root / "out/production/plan.json").exists():
            break
        shutil.rmtree(root)
        at += 1
    (root / "out/production/plan.json").write_text("mine\n")
    assert drift(made(NEW), root)["out/production/plan.json"] == ("changed", "hand-edited")
    saved = dict(gen(made(NEW), root).saved)
    assert (root / saved["out/production/plan.json"]).read_text() == "mine\n"


def test_a_foreign_journal_says_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    before(root)
    (root / ".gen/journal.json").write_text('{"files": {"../../etc/passwd": 1}}')
    comparison = look(made(OLD), root)
    assert comparison.interrupted
    assert not comparison.has_errors
    check_converges(root, OLD, expected(tmp_path, OLD))


def test_a_journal_never_removes_what_no_emitter_produces(tmp_path: Path) -> None:
    import hashlib

    from compiler.output.record import Record, render

    root = tmp_path / "root"
    root.mkdir()
    (root / "out/local").mkdir(parents=True)
    mine = {"package.json": b"{}", "out/local/mine": b"a", "src": b"b", ".env.example": b"c"}
    for path, data in mine.items():
        (root / path).write_bytes(data)
    (root / ".gen").mkdir()
    text = render(Record({p: frozenset([hashlib.sha256(d).hexdigest()]) for p, d in mine.items()}))
    (root / ".gen/journal.json").write_text(text)
    comparison = look([], root)
    assert comparison.in_sync
    assert [path for _, path in codes(comparison)] == ["out/local/mine"]
    gen([], root)
    assert snapshot(root) == mine
