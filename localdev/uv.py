"""Turns each service's lock into its Python environment, by uv, once per change of the lock."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from . import children, interrupts
from .console import DevError, note

if TYPE_CHECKING:
    from .project import Project, Service
    from .state import State

AT_ONCE = 3
FLAGS = {"--frozen", "--locked", "--no-dev", "--all-extras", "--all-groups", "--offline"}
FLAGS_WITH_VALUE = {"--project", "--extra", "--group", "--no-group", "--directory", "--python"}


@dataclass
class _Running:
    service: Service
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    since: float
    inputs: str


def sync(project: Project, state: State) -> None:
    """Set up what is not up to date, a few at once; raises DevError with uv's own words."""
    waiting = [(s, i) for s in project.services if (i := _stale(project, state, s)) is not None]
    if not waiting:
        return
    if children.which("uv") is None:
        raise DevError("uv was not found", "install it (https://docs.astral.sh/uv) or run `make`")
    with ExitStack() as stack:
        running: list[_Running] = []
        stack.callback(_kill, running)
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                service, inputs = waiting.pop(0)
                note(f"{service.name}: setting up its Python environment (uv sync)")
                log = stack.enter_context(tempfile.TemporaryFile())
                with interrupts.deferred():
                    running.append(_start(project, service, inputs, log))
            time.sleep(0.05)
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                _finish(state, one)


def command(service: Service) -> list[str] | None:
    """`uv sync` with the words of the service's `uv run`; None when they are not all known to both."""
    words = list(service.run)
    if words[:2] != ["uv", "run"]:
        return None
    rest = iter(words[2:])
    for word in rest:
        if word in FLAGS_WITH_VALUE:
            next(rest, None)
        elif word not in FLAGS and word.partition("=")[0] not in FLAGS_WITH_VALUE:
            return None
    return ["uv", "sync", *words[2:]]


def _stale(project: Project, state: State, service: Service) -> str | None:
    """What the environment is to be made from, when it is not made from that already."""
    if command(service) is None:
        return None
    folder = project.root / service.path
    digest = hashlib.sha256(" ".join(service.run).encode())
    for name in ("pyproject.toml", "uv.lock"):
        with suppress(OSError):
            digest.update((folder / name).read_bytes())
    inputs = digest.hexdigest()
    if (folder / ".venv").is_dir() and state.up_to_date(service.name, inputs):
        return None
    return inputs


def _start(project: Project, service: Service, inputs: str, log: IO[bytes]) -> _Running:
    process = subprocess.Popen(
        command(service) or [],
        cwd=project.root,
        env=children.base(),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    return _Running(service, process, log, time.monotonic(), inputs)


def _finish(state: State, one: _Running) -> None:
    if one.process.returncode:
        one.log.seek(0)
        words = one.log.read().decode("utf-8", "replace").strip()
        raise DevError(f"{one.service.name}: uv could not set up its Python environment:\n{words}")
    state.made(one.service.name, one.inputs)
    note(f"{one.service.name}: its Python environment is ready ({time.monotonic() - one.since:.1f} s)")


def _kill(running: list[_Running]) -> None:
    for one in running:
        with suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()
