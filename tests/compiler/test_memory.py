"""More environments take next to no more memory: the outputs of one are in memory together, never those of all."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.projects import LARGE, made_up
from compiler.emit.file import Emitter, Output, OutputFile, Text, per_environment
from compiler.pipeline import EMITTERS, compare_environments
from tests.compiler.project import ROOT, copy_project

if TYPE_CHECKING:
    from pathlib import Path

    from compiler.plan.model import EnvironmentPlan

FEW, MANY = 4, 20
# Each has 1 MiB of outputs, and was 3.2 MiB when all were in memory together.
MIB_EACH = 1.0


def test_memory_does_not_follow_the_number_of_environments(tmp_path: Path) -> None:
    roots = {
        count: made_up(tmp_path / str(count), LARGE._replace(environments=count), local=True)
        for count in (FEW, MANY)
    }
    flat("everything is new", roots)
    flat("nothing to do", roots, "--check")
    for root in roots.values():
        platform = root / "environments/platform.yaml"
        platform.write_text(platform.read_text("utf-8").replace("/bench", "/other"), "utf-8")
    flat("everything differs", roots, "--check", code=1)


def flat(what: str, roots: dict[int, Path], *arguments: str, code: int = 0) -> None:
    peaks = {count: peak(root, arguments, code) for count, root in roots.items()}
    assert (peaks[MANY] - peaks[FEW]) / (MANY - FEW) < MIB_EACH, (what, peaks)


def peak(root: Path, arguments: tuple[str, ...], code: int) -> float:
    """Run `gen` and return the most MiB that it had in memory."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "compiler", *arguments],
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == code
    return usage.ru_maxrss / 1024


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    path = f"out/{env.name.value}/chart/templates/services/broken.yaml"
    return (OutputFile(path, env.name.value, Text("a: [\n")),)


BROKEN = Emitter("broken", ("out/{environment}/chart/templates/services/*.yaml",), per_environment(_emit))


def test_mistakes_of_all_environments_come_at_once(tmp_path: Path) -> None:
    compared = compare_environments(copy_project(tmp_path), emitters=(*EMITTERS, BROKEN))
    assert compared.comparison is None
    assert [(one.code, one.place.file) for one in compared.diagnostics] == [
        ("unsafe-output", f"out/{name}/chart/templates/services/broken.yaml")
        for name in ("local", "production", "staging")
    ]
