"""A copy of the reference platform's spec in a folder of its own, and `gen` run on it as a user runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def copy_project(folder: Path) -> Path:
    """Put the reference platform's environments, and empty folders for its services, into `folder`."""
    shutil.copytree(ROOT / "environments", folder / "environments")
    platform = yaml.safe_load((folder / "environments/platform.yaml").read_text(encoding="utf-8"))
    for service in platform["services"].values():
        (folder / service["path"]).mkdir(parents=True)
    return folder


def gen(folder: Path, *arguments: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `gen ARGUMENTS` in `folder` and require the exit code `code`; `variables` join its environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "compiler", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return path → bytes and mode of every file of the project, but for what git ignores."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {".gen", ".git"} & set(path.relative_to(folder).parts)
    }


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one occurrence of `old` in the file at `path`."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")
