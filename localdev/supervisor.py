"""Turns a list of services into running process groups and one readable log, until one of them or the user ends it."""

from __future__ import annotations

import datetime
import queue
import secrets
import shlex
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from honcho.printer import Message
from honcho.process import Process

from . import children, interrupts
from .console import DevError, note, out
from .health import Watch
from .processes import TOKEN, Mark, end_group, is_left, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .project import Project, Service
    from .state import State

# How often to look whether PostgreSQL is still there.
SERVER_SECONDS = 2.0
COLOURS = (36, 33, 32, 35, 34, 31)
# Runs the words of `dev` in the service's folder, after those of `run` were understood at the root.
IN_FOLDER = 'cd "$0" && exec "$@"'


class Supervisor:
    """Starts services under honcho's process runner, each in a process group of its own."""

    def __init__(
        self, project: Project, state: State, values: Mapping[str, str], server: Callable[[], object | None]
    ) -> None:
        """Take the services of `project`; `server` gives PostgreSQL's process, None when it is gone."""
        self._server = server
        self._project = project
        self._state = state
        self._values = values
        self._token = secrets.token_hex(12)
        self._events: queue.Queue[Message] = queue.Queue()
        self._groups: dict[str, Mark] = {}
        self._stopped: dict[str, int] = {}
        self._threads: list[threading.Thread] = []
        self._printer = Printer([service.name for service in project.services])

    def run(self) -> int:
        """Run them all until one ends (1, and which one is said) or Interrupted comes; nothing is left behind."""
        try:
            with ExitStack() as files:
                for service in self._project.services:
                    self._state.logs.mkdir(parents=True, exist_ok=True)
                    log = (self._state.logs / f"{service.name}.log").open("w", encoding="utf-8")
                    self._printer.logs[service.name] = files.enter_context(log)
                try:
                    return self._supervise()
                finally:
                    self._end()
        finally:
            self._state.forget_services()

    def _supervise(self) -> int:
        with interrupts.deferred():
            for service in self._project.services:
                self._start(service)
            self._await_starts()
        Watch(self._project, lambda line: self._put("ready", line)).start()
        asked = time.monotonic()
        while not self._stopped:
            self._next(timeout=1.0)
            if time.monotonic() - asked >= SERVER_SECONDS:
                asked = time.monotonic()
                if self._server() is None:
                    return self._without_server()
        name, code = next(iter(self._stopped.items()))
        self._end()
        how = f"with exit code {code}" if code >= 0 else f"by signal {-code}"
        note(f"error: {name} ended {how}; the other services were stopped")
        note(f"  help: its log is {self._state.logs.relative_to(self._project.root) / f'{name}.log'}")
        return 1

    def _without_server(self) -> int:
        self._end()
        note("error: PostgreSQL ended; the services were stopped")
        log = self._state.logs.relative_to(self._project.root) / "postgres.log"
        note(f"  help: its log is {log}; start again: `{self._project.script('dev up --native')}`")
        return 1

    def _start(self, service: Service) -> None:
        folder = self._project.root / service.path
        words = [*service.run, "sh", "-c", IN_FOLDER, str(folder), *service.dev]
        process = Process(
            f"exec {shlex.join(words)}",
            name=service.name,
            env={**children.of_service(self._project, service, self._values), TOKEN: self._token},
            cwd=str(self._project.root),
        )
        thread = threading.Thread(target=process.run, args=(self._events,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _await_starts(self) -> None:
        """Wait until every process group is known, so that each can be ended."""
        end = time.monotonic() + 10
        while len(self._groups) < len(self._threads) and time.monotonic() < end:
            self._next(timeout=0.2)
        names = [service.name for service in self._project.services if service.name in self._groups]
        self._state.record_services({name: self._groups[name] for name in names}, self._token)

    def _next(self, timeout: float) -> None:
        try:
            message = self._events.get(timeout=timeout)
        except queue.Empty:
            return
        if message.type == "line":
            self._printer.line(message.name, message.data)
        elif message.type == "ready":
            out(message.data)
        elif message.type == "start":
            pid = message.data["pid"]
            self._groups[message.name] = mark(pid) or Mark(pid, "")
        elif message.type == "stop":
            self._stopped[message.name] = message.data["returncode"]

    def _end(self) -> None:
        """End every group, and print what they still had to say."""
        left = [group for group in self._groups.values() if is_left(group, self._token)]
        enders = [threading.Thread(target=end_group, args=(group.pid,)) for group in left]
        for ender in enders:
            ender.start()
        while any(thread.is_alive() for thread in [*enders, *self._threads]) or not self._events.empty():
            self._next(timeout=0.1)
        self._groups.clear()

    def _put(self, kind: str, data: str) -> None:
        self._events.put(Message(kind, data, datetime.datetime.now(), "", None))


class Printer:
    """Prints lines with the service's name before them, and into the service's log file without."""

    def __init__(self, names: list[str]) -> None:
        self.logs: dict[str, IO[str]] = {}
        self._width = max(map(len, names), default=0)
        self._colour = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
        self._coloured = sys.stdout.isatty()

    def line(self, name: str, data: bytes | str) -> None:
        """Print what a service wrote, one line or more."""
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        for part in text.splitlines():
            if name in self.logs:
                self.logs[name].write(f"{part}\n")
                self.logs[name].flush()
            prefix = f"{name.ljust(self._width)} | "
            if self._coloured and name in self._colour:
                prefix = f"\033[{self._colour[name]}m{prefix}\033[0m"
            out(f"{prefix}{part}")


def check_programs(project: Project) -> None:
    """Raise DevError when a service's folder or the program that starts it is missing."""
    for service in project.services:
        if not (project.root / service.path).is_dir():
            raise DevError(f"{service.name}: its folder {service.path} does not exist", "run `gen`")
        first = (*service.run, *service.dev)[0]
        if children.which(first) is None and not Path(project.root, first).exists():
            raise DevError(
                f"{service.name}: `{first}`, which starts it, was not found on PATH",
                "install it; for uv: https://docs.astral.sh/uv, or run `make`",
            )
