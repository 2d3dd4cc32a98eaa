"""A page of the reference into cases, each with its files, its commands and what is expected of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from compiler.diagnostics.render import render
from compiler.spec.load import load

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BASE = HERE / "base"
_BLOCK = re.compile(r"^```(\S+)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Case:
    """A project laid over `base/`, and the block of the page that holds what is expected of it."""

    files: dict[str, str] = field(default_factory=dict)
    setup: list[str] = field(default_factory=list)
    kind: str = ""
    expected: str = ""
    span: tuple[int, int] = (0, 0)

    def run(self, folder: Path) -> str:
        """Return what the block has to hold."""
        shutil.copytree(BASE, folder, dirs_exist_ok=True)
        for path, text in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
        for script in self.setup:
            subprocess.run(["sh", "-eu", "-c", script], cwd=folder, check=True)
        if self.kind == "text":
            _, diagnostics, sources = load(folder)
            return render(diagnostics, sources)
        commands = [line for line in self.expected.splitlines() if line.startswith("$ ")]
        return "".join(_transcript(line, folder) for line in commands)


def cases(page: str) -> list[Case]:
    """Return the cases of a page's text, in order."""
    found = [Case()]
    for block in _BLOCK.finditer(page):
        kind, name, body = block.groups()
        if name:
            found[-1].files[name] = body
        elif kind == "sh":
            found[-1].setup.append(body)
        elif kind in {"text", "console"}:
            found[-1].kind, found[-1].expected, found[-1].span = kind, body, block.span(3)
            found.append(Case())
    assert not found[-1].files, "a case without a text or console block"
    return found[:-1]


def rewritten(page: str, outputs: list[str]) -> str:
    """Return the page with `outputs` in place of what its cases expect."""
    for case, output in reversed(list(zip(cases(page), outputs, strict=True))):
        start, end = case.span
        page = page[:start] + output + page[end:]
    return page


def _transcript(line: str, folder: Path) -> str:
    program, *arguments = line.removeprefix("$ ").split()
    command = [sys.executable, "-m", "compiler", *arguments] if program == "gen" else [program, *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    output = re.sub(r"\(\d+\.\d+ ?s\)", "(0.01s)", done.stdout)
    return f"{line}\n{output}" + (f"({done.returncode})\n" if done.returncode else "")
