"""A page of the reference into cases, each with its files, its commands and what is expected of it."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from compiler.diagnostics.render import render
from compiler.spec.load import load

_LIBC = ctypes.CDLL(None, use_errno=True)
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BASE = HERE / "base"
_ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
}
if "XDG_CACHE_HOME" in os.environ:
    # The linters that were built for the tests.
    _ENVIRONMENT["XDG_CACHE_HOME"] = os.environ["XDG_CACHE_HOME"]
# Linux' numbers: with these two, root may read and write what its mode forbids.
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2
_BLOCK = re.compile(r"^```(\S+)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The tools of `gen lint` in its last line, with their versions.
_TOOL = re.compile(r"\b(helm|kubeconform|yamllint|compose|actionlint|shellcheck|zizmor) \d[\w.+-]*(?= \()")


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
            subprocess.run(["sh", "-eu", "-c", script], cwd=folder, env=_ENVIRONMENT, check=True)
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
    command = line.removeprefix("$ ").split()
    done = subprocess.run(
        command,
        cwd=folder,
        env=_ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=_obey_modes if os.geteuid() == 0 else None,
    )
    output = re.sub(r"\(\d+\.\d+ ?s\)", "(0.01s)", done.stdout)
    output = _TOOL.sub(r"\1 0.0", output)
    output = re.sub(r"\d+ (files|created|changed|removed|unchanged)\b", r"N \1", output)
    return f"{line}\n{output}" + (f"({done.returncode})\n" if done.returncode else "")


def _obey_modes() -> None:
    """Let the modes of files hold for root too, in the program that is started next."""
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
