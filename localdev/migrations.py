"""Turns a migrate command into a run of the compiled runner, natively, its output passed through."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from . import children, interrupts
from .console import note
from .processes import end_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .project import Project

STOP_SECONDS = 20.0


def run(project: Project, values: Mapping[str, str], words: Sequence[str]) -> int:
    """Run `genmigrate WORDS…` from the compiled copy; returns its exit code.

    The runner has a process group of its own: Ctrl-C reaches it once, from here, and it ends its workers.
    """
    command = [sys.executable, "-P", "-m", "genmigrate", words[0], "--plan", str(project.plan)]
    command += ["--root", str(project.root), *words[1:]]
    environment = {**children.of_runner(project, values), "PYTHONPATH": str(project.runner)}
    sys.stdout.flush()
    with interrupts.deferred():
        runner = subprocess.Popen(
            command,
            cwd=project.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        return runner.wait()
    finally:
        if runner.poll() is None:
            runner.terminate()
            try:
                runner.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                end_group(runner.pid)
                runner.wait()


def say_not_started(project: Project, code: int) -> None:
    """Say on stderr that the services wait for the migrations, and how to go on."""
    look, skip = project.script("migrate status"), project.script("dev up --skip-migrations")
    note(f"error: the services were not started, since the migrations ended with exit code {code}")
    note(f"  help: put it right and start again; `{look}` shows every schema, `{skip}` starts without")
