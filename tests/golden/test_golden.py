"""A project and the whole tree that `gen` makes of it, compared byte by byte."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from compiler.emit.bare import strip
from compiler.emit.migrations import REPOSITORY_ONLY

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = sorted(path.parent.name for path in HERE.glob("*/given"))


def prepare(case: str, folder: Path) -> None:
    """Put the project of `case` into `folder`, with the folders of its services."""
    shutil.copytree(HERE / case / "given", folder, dirs_exist_ok=True)
    platform = yaml.safe_load((folder / "environments/platform.yaml").read_text(encoding="utf-8"))
    for service in platform["services"].values():
        (folder / service["path"]).mkdir(parents=True, exist_ok=True)


def gen(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "compiler", *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def tree(folder: Path) -> dict[str, bytes]:
    """Return path → bytes of all that lies in `folder`, but what git ignores, the copies of the runner, its hashes."""
    return {
        path.relative_to(folder).as_posix(): _without_runner(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".gen" not in path.relative_to(folder).parts and "runner" not in path.parts
    }


def _without_runner(content: bytes) -> bytes:
    """Leave out what changes with each module of the runner: its copies, and the hashes that follow from them."""
    lines = content.splitlines(keepends=True)
    if b"data:\n" in lines and any(line.startswith(b"  __init__.py: ") for line in lines):
        lines = lines[: next(at for at, line in enumerate(lines) if line.startswith(b"  __init__.py: "))]
    text = b"".join(line for line in lines if b"/runner/genmigrate/" not in line)
    text = re.sub(rb"(-runner-|-migrations-)[0-9a-f]{8}\b", rb"\1<hash>", text)
    return re.sub(rb'(/chart/templates/[^"]*": )"[0-9a-f]{64}"', rb'\1"<hash>"', text)


@pytest.mark.parametrize("case", CASES)
def test_tree(case: str, tmp_path: Path, update: bool) -> None:
    project = tmp_path / "project"
    prepare(case, project)
    given = tree(project)
    done = gen(project)
    assert done.returncode == 0, done.stderr
    made = {path: text for path, text in tree(project).items() if given.get(path) != text}

    expected = HERE / case / "expected"
    if update:
        shutil.rmtree(expected, ignore_errors=True)
        for path, text in made.items():
            (expected / path).parent.mkdir(parents=True, exist_ok=True)
            (expected / path).write_bytes(text)
    assert made == tree(expected)
    assert gen(project, "--check").returncode == 0


@pytest.mark.parametrize("case", CASES)
def test_runner_is_copied_byte_by_byte(case: str, tmp_path: Path) -> None:
    prepare(case, tmp_path)
    assert gen(tmp_path).returncode == 0
    modules = {path.name: strip(path.read_text("utf-8")).encode() for path in (ROOT / "genmigrate").glob("*.py")}
    copies = sorted((tmp_path / "out").glob("*/runner/genmigrate"))
    assert copies
    for copy in copies:
        left_out = REPOSITORY_ONLY if (copy.parents[1] / "chart").is_dir() else ()
        wanted = {name: text for name, text in modules.items() if name not in left_out}
        assert {path.name: path.read_bytes() for path in copy.iterdir()} == wanted
