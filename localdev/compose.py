"""Turns words for Docker Compose into a finished process: its exit code, or what it printed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, TextIO

from . import children, interrupts
from .console import DevError, hand_on, note
from .processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .project import Project

INFRA = ("postgres",)
STOP_SECONDS = 30.0
MOMENT_SECONDS = 2.0


class Compose:
    """`docker compose` for one project and the values of its `.env`."""

    def __init__(self, project: Project, values: Mapping[str, str]) -> None:
        self._project = project
        env_file = project.root / ".env"
        self._place = ["-f", str(project.compose)]
        self._place += ["--env-file", str(env_file) if env_file.exists() else os.devnull]
        self._environment = children.of_compose(project, values)
        # stop, down and logs have to work before .env is complete; they pass no password on
        self._environment.setdefault(project.postgres.password_env, "unset")

    def start(self, words: Sequence[str], coloured: bool = False, **options: Any) -> subprocess.Popen[str]:
        """Start it in a process group of its own, so that a signal reaches it from here only."""
        command = ["docker", "compose", "--ansi", "always" if coloured else "never", *self._place, *words]
        with interrupts.deferred():
            return subprocess.Popen(
                command,
                cwd=self._project.root,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                **options,
            )

    def run(self, words: Sequence[str], check: Callable[[], None] | None = None, every: float = 1.0) -> int:
        """Run it to its end, output passed through; a signal is handed on, and its end awaited.

        `check` is called again and again meanwhile; when it raises, that is the end too.
        """
        process = self.start(words, sys.stdout.isatty() and sys.stderr.isatty())
        try:
            while check:
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(every)
                check()
            return process.wait()
        finally:
            end(process)

    def show_logs(self, words: Sequence[str]) -> int:
        """Run what prints the containers' logs to its end, and hand on its lines; see `run`."""
        process = self.start(words, sys.stdout.isatty(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pairs = ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
        readers = [threading.Thread(target=_hand_on, args=pair, daemon=True) for pair in pairs]
        for reader in readers:
            reader.start()
        try:
            return process.wait()
        finally:
            end(process)
            for reader in readers:
                reader.join(STOP_SECONDS)

    def quiet(self, words: Sequence[str], what: str) -> str:
        """Run it and return its stdout; raises DevError with its own words when it fails.

        `what` it does is said when it takes longer than a moment.
        """
        process = self.start(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        slow = threading.Timer(MOMENT_SECONDS, note, [f"{what} …"])
        slow.start()
        try:
            output, errors = process.communicate()
        finally:
            slow.cancel()
            end(process)
        if process.returncode:
            raise DevError(f"{what} failed:\n{(errors + output).strip()}")
        return output

    def containers(self) -> list[dict[str, Any]]:
        """All containers of the project, running or not, as Compose describes them."""
        text = self.quiet(["ps", "-a", "--format", "json"], "docker compose ps").strip()
        rows = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
        return [row for row in rows if isinstance(row, dict)]

    def running(self, name: str) -> bool:
        """Whether the service's container runs."""
        return any(row.get("Service") == name and row.get("State") == "running" for row in self.containers())

    def has_data(self) -> bool:
        """Whether the volume of PostgreSQL's data was made already."""
        name = json.loads(self.quiet(["config", "--format", "json"], "docker compose config"))["name"]
        labels = {"project": name, "volume": "postgres"}
        filters = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items()]
        return bool(_docker("volume", "ls", "--quiet", *filters).stdout.strip())


def _hand_on(lines: IO[str], stream: TextIO) -> None:
    with lines:
        for line in lines:
            hand_on(line.rstrip("\n"), stream)


def end(process: subprocess.Popen[str]) -> None:
    """End a Compose that still runs, as Ctrl-C does: it stops what it is attached to."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    if not wait_until(lambda: process.poll() is not None, STOP_SECONDS):
        process.kill()
        process.wait()


def check(project: Project) -> None:
    """Raise DevError when there is no Docker engine with Compose on this machine."""
    way_out = f"start or install it, or work without containers: `{project.script('dev up --native')}`"
    if children.which("docker") is None:
        raise DevError("docker was not found on PATH", way_out)
    for words, missing in (
        (["compose", "version"], "docker has no `compose` command (the Compose plugin, version 2)"),
        (["info"], "the Docker engine does not answer"),
    ):
        done = _docker(*words)
        if done.returncode:
            detail = (done.stderr or done.stdout).strip().splitlines()
            raise DevError(f"{missing}" + (f": {detail[-1].strip()}" if detail else ""), way_out)


def answers(project: Project) -> bool:
    """Whether there is a Docker engine with Compose on this machine."""
    try:
        check(project)
    except DevError:
        return False
    return True


def remove(names: Sequence[str]) -> None:
    """Remove containers by name; those that are gone already do not matter."""
    _docker("rm", "--force", *names)


def _docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
