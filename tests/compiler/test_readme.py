"""Every command of the README's tour is run, in order, and says what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.compiler.project import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def _steps() -> list[tuple[str, list[str]]]:
    """Return each command of the `console` blocks with the lines shown below it."""
    steps: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", README, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            else:
                steps[-1][1].append(line)
    return steps


def _clone(folder: Path) -> dict[str, str]:
    """Clone what is committed and what is not yet; return the environment of a shell after `make`."""
    run = {"check": True, "capture_output": True}
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(folder)], **run)
    listed = subprocess.run(
        ["git", "ls-files", "-mo", "--exclude-standard", "-z"], cwd=ROOT, text=True, **run
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / ".venv").symlink_to(ROOT / ".venv")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}", "UV_NO_SYNC": "1"}
    environment.pop("VIRTUAL_ENV", None)
    return environment


def test_tour(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    environment = _clone(folder)
    for command, shown in _steps():
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        code = next((int(line[5:]) for line in shown if line.startswith("exit ")), 0)
        assert done.returncode == code, f"$ {command}\n{said}"
        for line in shown:
            assert line.startswith("exit ") or line in said.splitlines(), f"$ {command}\n{said}"


def test_the_commands_that_start_the_platform_are_told_by_the_native_story() -> None:
    story = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/native").glob("*.py"))
    for word in (
        "npm",
        "install",
        ".env.example",
        "dev:native",
        "migrate",
        "--autogenerate",
        "add_user_avatar",
    ):
        assert word in README
        assert word in story, word
