"""Links, pipes, sockets and folders where files of ours belong: refused, and nothing behind them is touched."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compiler.output.tree import collect
from compiler.output.write import WriteError, write, write_files
from tests.output.project import codes, gen, identities, look, outputs, scripts, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAN = "out/local/plan.json"


@pytest.fixture
def aside(tmp_path: Path) -> Iterator[Path]:
    """A folder outside the project that must not change: whatever a link leads to."""
    folder = tmp_path / "aside"
    folder.mkdir()
    for name in ("plan.json", "file", "lock", "journal.json", "1", "package.json"):
        (folder / name).write_text("{}\n")
    before, texts = identities(folder), snapshot(folder)
    yield folder
    assert snapshot(folder) == texts
    assert {path: seen[:2] for path, seen in identities(folder).items()} == {
        p: s[:2] for p, s in before.items()
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def link(path: Path, aside: Path) -> None:
    path.symlink_to(aside / "file")


def link_to_folder(path: Path, aside: Path) -> None:
    path.symlink_to(aside)


def dangling(path: Path, aside: Path) -> None:
    path.symlink_to(aside / "not there")


def hard_link(path: Path, aside: Path) -> None:
    path.hardlink_to(aside / "file")


def pipe(path: Path, aside: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path, aside: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def folder(path: Path, aside: Path) -> None:
    path.mkdir()


def file(path: Path, aside: Path) -> None:
    path.write_text("mine\n")


FILES = [
    (link, "symlink"),
    (link_to_folder, "symlink"),
    (dangling, "symlink"),
    (hard_link, "hard-link"),
    (pipe, "not-a-file"),
    (unix_socket, "not-a-file"),
    (folder, "not-a-file"),
]


@pytest.mark.parametrize(("make", "code"), FILES)
@pytest.mark.parametrize(
    "path", [PLAN, ".env.example", "out/local/.gen.json", ".github/workflows/gen-local.yml"]
)
def test_no_file_is_written_to_something_else(
    root: Path, aside: Path, path: str, make: Callable[[Path, Path], None], code: str
) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    make(root / path, aside)
    before = identities(root)
    comparison = look(outputs(), root)
    assert codes(comparison) == [(code, path)]
    assert comparison.diagnostics[0].message.startswith(path)
    with pytest.raises(ValueError, match="errors"):
        write(comparison, root)
    assert identities(root) == before


@pytest.mark.parametrize(("make", "code"), FILES)
def test_no_package_json_is_read_through_something_else(
    root: Path, aside: Path, make: Callable[[Path, Path], None], code: str
) -> None:
    make(root / "package.json", aside)
    tree, found = collect([scripts(("dev", "bin/gen dev up"))], root)
    assert tree is None
    assert [diagnostic.code for diagnostic in found] == [code]


@pytest.mark.parametrize(
    ("make", "code"), [(link_to_folder, "symlink"), (link, "symlink"), (file, "not-a-file")]
)
@pytest.mark.parametrize("path", ["out", "out/local", "out/local/runner", ".github"])
def test_no_file_is_written_through_a_link_above(
    root: Path, aside: Path, path: str, make: Callable[[Path, Path], None], code: str
) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    make(root / path, aside)
    comparison = look(outputs(), root)
    assert codes(comparison) == [(code, path)]
    assert list(root.rglob("plan.json")) == []


LINKS = (link_to_folder, link, dangling)


@pytest.mark.parametrize(
    ("path", "make"),
    [(path, make) for path in (".gen/lock", ".gen/stage", ".gen/saved", ".gen/.gitignore") for make in LINKS]
    + [(".gen/lock", folder), (".gen/.gitignore", folder), (".gen/stage", file), (".gen/saved", file)],
)
def test_our_own_folder_is_no_way_out(
    root: Path, aside: Path, path: str, make: Callable[[Path, Path], None]
) -> None:
    gen(outputs("1"), root)
    (root / PLAN).write_text("edited by hand\n")
    shutil.rmtree(root / ".gen")
    (root / ".gen").mkdir()
    make(root / path, aside)
    before = snapshot(root)
    with pytest.raises(WriteError) as caught:
        write(look(outputs("2"), root), root, patience=0)
    assert caught.value.diagnostic.place.file.startswith(path)
    assert snapshot(root) == before


@pytest.mark.parametrize("path", ["lock", "stage", "saved", ".gitignore"])
def test_a_pipe_in_our_own_folder_does_not_hang(root: Path, aside: Path, path: str) -> None:
    gen(outputs("1"), root)
    shutil.rmtree(root / ".gen")
    (root / ".gen").mkdir()
    pipe(root / ".gen" / path, aside)
    with contextlib.suppress(WriteError):
        write(look(outputs("2"), root), root, patience=0)


@pytest.mark.parametrize("make", [link_to_folder, link, dangling, pipe, file])
def test_our_own_folder_is_a_real_one(root: Path, aside: Path, make: Callable[[Path, Path], None]) -> None:
    make(root / ".gen", aside)
    comparison = look(outputs(), root)
    assert [path for _, path in codes(comparison)] == [".gen"]
    assert comparison.has_errors


@pytest.mark.parametrize("make", [link, dangling, pipe, folder])
def test_a_journal_that_is_no_file_is_refused(
    root: Path, aside: Path, make: Callable[[Path, Path], None]
) -> None:
    (root / ".gen").mkdir()
    make(root / ".gen/journal.json", aside)
    assert [path for _, path in codes(look(outputs(), root))] == [".gen/journal.json"]


def test_starter_files_go_through_no_link(root: Path, aside: Path) -> None:
    (root / "environments").symlink_to(aside)
    with pytest.raises(WriteError, match="symbolic link"):
        write_files(root, {"environments/file": "new"}, replace=True)


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "other name").symlink_to(root)
    gen(outputs(), tmp_path / "other name")
    assert (root / PLAN).is_file()


def test_a_link_that_appears_after_the_comparison(root: Path, aside: Path) -> None:
    gen(outputs("1"), root)
    comparison = look(outputs("2"), root)
    (root / "out/local").rename(root / "moved")
    (root / "out/local").symlink_to(aside)
    with pytest.raises(WriteError):
        write(comparison, root)
