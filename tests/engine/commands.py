"""Turns a command line into a finished or a running command whose output a test can read."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Finished:
    """A command that ended: what it printed (both streams in order), its exit code, how long it took."""

    output: str
    code: int
    seconds: float

    @property
    def lines(self) -> list[str]:
        """The printed lines without trailing space."""
        return [line.rstrip() for line in self.output.splitlines()]


class Running:
    """A command in a session of its own, whose output is gathered while it runs."""

    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._started = time.monotonic()
        self._ended: float | None = None
        self._lines: list[str] = []
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as stream:
            for line in stream:
                self._lines.append(line)

    @property
    def output(self) -> str:
        """What was printed until now, without the escape sequences that Compose adds."""
        return ANSI.sub("", "".join(self._lines))

    @property
    def ended(self) -> bool:
        """Whether the command is over."""
        return self._process.poll() is not None

    def wait(self, seconds: float) -> Finished:
        """Wait for the end; past `seconds` the command is interrupted and the test fails with its output."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.interrupt()
            raise AssertionError(f"no end after {seconds} s; it printed:\n{self.output}") from None
        self._reader.join(10)
        return Finished(self.output, code, time.monotonic() - self._started)

    def wait_for(self, seen: Callable[[str], bool], seconds: float) -> float:
        """Wait until `seen(output)`; gives the seconds since the start, fails with the output otherwise."""
        end = time.monotonic() + seconds
        while not seen(self.output):
            if time.monotonic() > end or (self.ended and not self._reader.is_alive()):
                assert seen(self.output), f"not seen; it printed:\n{self.output}"
            time.sleep(0.05)
        return time.monotonic() - self._started

    def interrupt(self) -> Finished:
        """Ctrl-C, as a terminal sends it: to every process of the command; SIGKILL if that does not end it."""
        for number, seconds in ((signal.SIGINT, 60.0), (signal.SIGKILL, 10.0)):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        self._reader.join(10)
        return Finished(self.output, self._process.returncode, time.monotonic() - self._started)


def docker(*arguments: str) -> str:
    """Run the docker client; gives its stdout, fails with its stderr."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout
