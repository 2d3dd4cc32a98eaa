"""Turns a service into the worker process that serves it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from . import environment
from .codes import RunError
from .output import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .plan import Plan, Service

TAIL_BYTES = 4096
#: Linux starts no program with a variable of 128 KiB.
LONGEST_VARIABLE = 120_000


class Started(NamedTuple):
    """A process of this driver, and the private file that holds what it prints."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]
    hide: Callable[[str], str]

    def ended(self) -> int | None:
        """The exit code once it has ended."""
        return self.process.poll()

    def wait(self, seconds: float) -> None:
        """Until it has ended, at most that long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def last_line(self) -> str:
        """The last line that it printed."""
        size = self.output.seek(0, os.SEEK_END)
        self.output.seek(max(0, size - TAIL_BYTES))
        lines = [line for line in self.output.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return self.hide(one_line(lines[-1])) if lines else "it printed nothing"

    def kill(self) -> None:
        """End it and what it started in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.output.close()


class Workers(NamedTuple):
    """How workers come to be: `mode` is spawn, here or external."""

    mode: str
    plan: Plan
    plan_file: Path
    root: Path
    exchange: Path
    folder: Path | None
    held: Sequence[int] = ()  # descriptors that say that the exchange is in use

    def start(self, service: Service) -> Started | None:
        """Start the service's worker in `root`; None when it runs elsewhere. Raises RunError("not-started")."""
        if self.mode == "external":
            return None
        folder = self.folder or self.root / service.path
        if not folder.is_dir():
            reason = f"the folder of {service.name}, {folder}, is not there"
            raise RunError("not-started", reason, "correct its path")
        # Not resolved: in a mounted ConfigMap each file is a link into a folder of another name.
        package = Path(__file__).absolute().parent
        environ = environment.for_worker(environment.with_dotenv(os.environ, folder, self.root), package)
        tenants = ",".join(self.plan.tenants)
        if len(tenants) < LONGEST_VARIABLE:
            environ[self.plan.tenants_env] = tenants
        served = ["--plan", str(self.plan_file), "--exchange", str(self.exchange), "--service", service.name]
        served += ["--path", str(folder), "--driver-timeout", "20"]  # this driver is there, or was killed
        command = [*self.python(service), "-m", "genmigrate", "worker", *served]
        return _start(command, self.root, environ, environ.get(service.url_env, ""), self.held)

    def python(self, service: Service) -> list[str]:
        """The command of the service's Python."""
        return list(service.python) if self.mode == "spawn" else [sys.executable]


def _start(
    command: Sequence[str],
    cwd: Path,
    environ: dict[str, str],
    url: str,
    held: Sequence[int],
) -> Started:
    output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=held,
            start_new_session=True,  # the terminal's Ctrl-C is the driver's to handle, in order
        )
    except OSError as error:
        output.close()
        reason = f"cannot start {command[0]}: {error.strerror}"
        raise RunError("not-started", reason, "install it, or put it on PATH") from None
    from .url import mask_for  # while the worker's interpreter starts

    return Started(process, output, mask_for(url))
