"""What `gen` does to a healthy disk: create, change, remove, leave alone."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from compiler.output.diff import unified
from compiler.output.summary import summary
from compiler.output.write import ChangedError, write, write_files
from tests.output.project import (
    codes,
    drift,
    gen,
    identities,
    look,
    outputs,
    scripts,
    snapshot,
    the_change,
)

if TYPE_CHECKING:
    from pathlib import Path

PLAN = "out/local/plan.json"


def test_an_empty_folder_gets_every_file(tmp_path: Path) -> None:
    comparison = look(outputs(), tmp_path)
    assert summary(comparison, 0.214) == "12 files: 12 created, 0 changed, 0 removed, 0 unchanged (0.21s)"
    assert {change.cause for change in comparison.changes} == {"missing"}
    gen(outputs(), tmp_path)
    assert drift(outputs(), tmp_path) == {}
    assert (tmp_path / ".gen/.gitignore").read_text() == "*\n"
    assert sorted(p.name for p in (tmp_path / ".gen").iterdir()) == [".gitignore", "lock"]


def test_a_second_run_touches_nothing(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    shutil.rmtree(tmp_path / ".gen")
    before = identities(tmp_path)
    gen(outputs(), tmp_path)
    assert identities(tmp_path) == before


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    gen(outputs("1"), tmp_path)
    before = identities(tmp_path)
    assert drift(outputs("2"), tmp_path)[PLAN] == ("changed", "stale")
    gen(outputs("2"), tmp_path)
    after = identities(tmp_path)
    runner = str(tmp_path / "out/local/runner/genmigrate/run.py")
    assert after[runner] == before[runner]
    assert after[str(tmp_path / PLAN)] != before[str(tmp_path / PLAN)]


def test_going_back_gives_the_same_bytes(tmp_path: Path) -> None:
    gen(outputs("1"), tmp_path)
    before = snapshot(tmp_path)
    gen(outputs("2", ("local", "production")), tmp_path)
    gen(outputs("1"), tmp_path)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        gen(outputs(), tmp_path)
    finally:
        os.umask(before)
    for path in [*(tmp_path / "out").rglob("*"), tmp_path / "package.json", tmp_path / ".env.example"]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_a_private_or_group_writable_checkout_is_no_drift(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    (tmp_path / PLAN).chmod(0o600)
    (tmp_path / "out/local/README.md").chmod(0o664)
    assert drift(outputs(), tmp_path) == {}


def test_the_executable_bit_is_drift(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    (tmp_path / PLAN).chmod(0o755)
    assert drift(outputs(), tmp_path) == {PLAN: ("changed", "hand-edited")}
    assert "old mode 100755\nnew mode 100644" in unified(the_change(outputs(), tmp_path, PLAN))
    assert gen(outputs(), tmp_path).saved == ()
    assert stat.S_IMODE((tmp_path / PLAN).stat().st_mode) == 0o644


def test_a_file_system_without_modes_is_no_drift(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    for path in tmp_path.rglob("*"):
        path.chmod(0o777)
    assert drift(outputs(), tmp_path) == {}


def test_a_removed_environment_goes_with_its_folders(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    found = drift(outputs("1", ("local",)), tmp_path)
    assert set(found.values()) == {("removed", "orphaned")}
    assert "out/staging/.gen.json" in found
    assert ".github/workflows/gen-staging.yml" in found
    gen(outputs("1", ("local",)), tmp_path)
    assert not (tmp_path / "out/staging").exists()
    assert (tmp_path / "out/local").exists()
    assert drift(outputs("1", ("local",)), tmp_path) == {}


def test_without_a_local_environment_our_scripts_go(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"scripts": {"test": "x"}}')
    gen(outputs(), tmp_path)
    assert gen(outputs("1", ("staging",)), tmp_path).saved == ()
    assert (tmp_path / "package.json").read_text() == '{"scripts": {"test": "x"}}'
    assert not (tmp_path / ".env.example").exists()


def test_nothing_wanted_removes_all_of_it(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    gen([scripts(environment="")], tmp_path)
    assert snapshot(tmp_path) == {"package.json": b'{\n  "private": true,\n  "scripts": {}\n}\n'}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("gone", ["out", "out/local", "out/local/.gen.json", PLAN, ".env.example", ".gen"])
def test_what_is_removed_comes_back(tmp_path: Path, gone: str) -> None:
    gen(outputs(), tmp_path)
    before = snapshot(tmp_path)
    path = tmp_path / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert set(drift(outputs(), tmp_path).values()) <= {("created", "missing")}
    gen(outputs(), tmp_path)
    assert snapshot(tmp_path) == before


def test_equal_bytes_are_adopted_silently(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    shutil.rmtree(tmp_path / ".gen")
    for record in tmp_path.glob("out/*/.gen.json"):
        record.unlink()
    assert codes(look(outputs(), tmp_path)) == []
    gen(outputs(), tmp_path)
    assert drift(outputs("2"), tmp_path)[PLAN] == ("changed", "stale")


@pytest.mark.parametrize("path", [PLAN, ".env.example", ".github/workflows/gen-local.yml"])
def test_a_hand_edit_is_saved_before_it_is_overwritten(tmp_path: Path, path: str) -> None:
    gen(outputs(), tmp_path)
    good = (tmp_path / path).read_bytes()
    edited = good + b"# mine\n"
    (tmp_path / path).write_bytes(edited)
    assert drift(outputs(), tmp_path) == {path: ("changed", "hand-edited")}
    assert "-# mine\n" in unified(the_change(outputs(), tmp_path, path))
    ((original, copy),) = gen(outputs(), tmp_path).saved
    assert original == path
    assert copy.startswith(f".gen/saved/{path}.")
    assert (tmp_path / copy).read_bytes() == edited
    assert (tmp_path / path).read_bytes() == good


def test_a_saved_copy_is_never_overwritten(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    copies = []
    for text in ("one", "two", "one"):
        (tmp_path / PLAN).write_text(text)
        copies.append(gen(outputs(), tmp_path).saved[0][1])
    assert copies[0] == copies[2] != copies[1]
    (tmp_path / copies[0]).write_text("a file with our name and other bytes")
    (tmp_path / PLAN).write_text("one")
    longer = gen(outputs(), tmp_path).saved[0][1]
    assert longer != copies[0]
    assert (tmp_path / longer).read_text() == "one"
    assert (tmp_path / copies[0]).read_text() == "a file with our name and other bytes"


@pytest.mark.parametrize("path", [PLAN, ".env.example"])
def test_other_line_ends_are_a_hand_edit(tmp_path: Path, path: str) -> None:
    gen(outputs(), tmp_path)
    (tmp_path / path).write_bytes((tmp_path / path).read_bytes().replace(b"\n", b"\r\n"))
    assert drift(outputs(), tmp_path) == {path: ("changed", "hand-edited")}
    assert "only the line ends differ" in unified(the_change(outputs(), tmp_path, path))


def test_a_hand_edited_orphan_is_kept_and_reported(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    readme, workflow = "out/staging/README.md", ".github/workflows/gen-staging.yml"
    for path in (readme, workflow):
        with (tmp_path / path).open("a") as file:
            file.write("mine\n")
    comparison = look(outputs("1", ("local",)), tmp_path)
    assert codes(comparison) == [("orphan-kept", workflow), ("orphan-kept", readme)]
    assert not comparison.has_errors
    gen(outputs("1", ("local",)), tmp_path)
    assert (tmp_path / readme).exists()
    assert (tmp_path / workflow).exists()
    assert not (tmp_path / "out/staging/plan.json").exists()
    again = look(outputs("1", ("local",)), tmp_path)
    assert codes(again) == [("orphan-kept", workflow), ("unknown-file", "out/staging/")]
    assert again.in_sync


def test_foreign_files_in_out_are_reported_and_stay(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    (tmp_path / "out/local/notes.txt").write_text("mine")
    (tmp_path / "out/elsewhere/deep").mkdir(parents=True)
    (tmp_path / "out/elsewhere/deep/a").write_text("mine")
    (tmp_path / "out/empty").mkdir()
    (tmp_path / "out/local/link").symlink_to("/etc/passwd")
    comparison = look(outputs(), tmp_path)
    assert codes(comparison) == [
        ("unknown-file", "out/elsewhere/"),
        ("unknown-file", "out/local/link"),
        ("unknown-file", "out/local/notes.txt"),
    ]
    assert comparison.in_sync
    gen([scripts(environment="")], tmp_path)
    assert (tmp_path / "out/local/notes.txt").read_text() == "mine"
    assert (tmp_path / "out/elsewhere/deep/a").read_text() == "mine"


@pytest.mark.parametrize("path", [PLAN, ".env.example", ".github/workflows/gen-local.yml"])
def test_a_foreign_file_in_our_place_stops_everything(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("mine\n")
    comparison = look(outputs(), tmp_path)
    assert codes(comparison) == [("foreign-file", path)]
    assert f"`gen --take {path}`" in (comparison.diagnostics[0].help or "")
    with pytest.raises(ValueError, match="errors"):
        write(comparison, tmp_path)
    assert snapshot(tmp_path) == {path: b"mine\n"}


@pytest.mark.parametrize("take", [PLAN, f"./{PLAN}", "out/local", "out/"])
def test_take_replaces_a_foreign_file_and_keeps_a_copy(tmp_path: Path, take: str) -> None:
    (tmp_path / PLAN).parent.mkdir(parents=True)
    (tmp_path / PLAN).write_text("mine\n")
    ((path, copy),) = gen(outputs(), tmp_path, frozenset([take])).saved
    assert path == PLAN
    assert (tmp_path / copy).read_text() == "mine\n"
    assert drift(outputs(), tmp_path) == {}


def test_take_of_a_part_of_a_name_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / PLAN).parent.mkdir(parents=True)
    (tmp_path / PLAN).write_text("mine\n")
    assert codes(look(outputs(), tmp_path, frozenset(["out/loc", "plan.json"]))) == [("foreign-file", PLAN)]


@pytest.mark.parametrize(
    "path", [PLAN, "out/local/runner/genmigrate/run.py", "out/local/.gen.json", "package.json"]
)
def test_a_change_since_the_comparison_is_not_overwritten(tmp_path: Path, path: str) -> None:
    """Also of a file that stays as it is: else its record would say something else than was seen."""
    gen(outputs("1"), tmp_path)
    comparison = look(outputs("2"), tmp_path)
    (tmp_path / path).write_text("just now\n")
    before = snapshot(tmp_path)
    with pytest.raises(ChangedError, match=f"{path} was changed while `gen` ran"):
        write(comparison, tmp_path)
    assert snapshot(tmp_path) == before
    assert not (tmp_path / ".gen/stage").exists()


def test_starter_files_are_written_once(tmp_path: Path) -> None:
    files = {"environments/platform.yaml": "a\n", "environments/schema.json": "b\n"}
    assert write_files(tmp_path, files, replace=False) == sorted(files)
    files = dict.fromkeys(files, "new\n")
    assert write_files(tmp_path, files, replace=False) == []
    assert write_files(tmp_path, files, replace=True) == sorted(files)
    assert write_files(tmp_path, files, replace=True) == []
    assert (tmp_path / "environments/platform.yaml").read_text() == "new\n"
