"""Turns a home and binaries into a PostgreSQL server on 127.0.0.1 that is started, asked, stopped or wiped."""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from localdev import interrupts
from localdev.console import DevError, note
from localdev.processes import (
    Mark,
    command_line,
    end_process,
    holder,
    mark,
    owner,
    port_is_free,
    wait_until,
)

from . import binaries as programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .home import Home

START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass
class Server:
    """The server of one clone. `wanted` is the specification's major version, `script` spells a command."""

    home: Home
    wanted: int
    port: int
    user: str
    log: Path
    locks: Path
    script: Callable[[str], str]

    def running(self) -> Mark | None:
        """The running postmaster of this home's data, whoever started it."""
        if not self.home.exists():
            return None
        try:
            pid = int((self.home.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None
        # The file may be left from a machine that went down, and its number another process's by now.
        ours = owner(pid) == self.home.uid and str(self.home.data) in command_line(pid)
        return mark(pid) if ours else None

    def made(self) -> bool:
        """Whether the home holds data."""
        return self.home.exists() and (self.home.data / "PG_VERSION").exists()

    def ensure(self, password: str) -> bool:
        """Have it running and accepting `password`; says whether it had to be started.

        Raises DevError: no binaries, port taken, data of another major version, wrong password.
        """
        if self.running():
            self._check_port()
            self._check_password(self._find(), password)
            return False
        if not port_is_free(self.port):
            raise taken(self.port, "PostgreSQL", self.script("dev down"))
        self.home.make()
        binaries = self.home.reachable(self._choose())
        if not self.made():
            note(f"PostgreSQL {binaries.version} from {binaries.source}: making {self.home.data}")
            self._initialise(binaries, password)
        self._launch(binaries)
        try:
            self._check_password(binaries, password)
        except BaseException:
            self.stop()
            raise
        return True

    def stop(self) -> bool:
        """Stop it, sessions included; says whether it ran."""
        process = self.running()
        if process is None:
            return False
        if not end_process(process, signal.SIGINT, STOP_SECONDS):
            end_process(process, signal.SIGQUIT, STOP_SECONDS)
        return True

    def _find(self) -> programs.Binaries:
        return programs.find(self.wanted, self.script("dev up --docker"))

    def _choose(self) -> programs.Binaries:
        found = self._find()
        if self.made():
            version = (self.home.data / "PG_VERSION").read_text().strip()
            if version != str(found.version):
                raise DevError(
                    f"the data in {self.home.data} are of PostgreSQL {version}, and {found.version} is to run"
                    f" (the specification says {self.wanted})",
                    f"set postgres.version back to {version}, or wipe the local data: `{self.script('dev death')}`",
                )
        if found.version != self.wanted:
            note(
                f"PostgreSQL {found.version} is used ({found.source}): {self.wanted}, as the specification"
                " has it, is not installed here"
            )
        return found

    def _initialise(self, binaries: programs.Binaries, password: str) -> None:
        """Make the data directory, whole or not at all; the password goes through a file of the account."""
        with tempfile.TemporaryDirectory(prefix="new-", dir=self.home.base) as folder:
            secret, data = Path(folder) / "password", Path(folder) / "data"
            secret.touch(mode=0o600)
            secret.write_text(password + "\n", encoding="utf-8")
            for path in (secret, Path(folder)):  # in a folder of the account, root touches nothing more
                self.home.give(path)
            command = [str(binaries.programs / "initdb"), f"--pgdata={data}", f"--username={self.user}"]
            command += [f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
            done = subprocess.run(
                [*command, "--no-sync"],
                capture_output=True,
                text=True,
                check=False,
                **self._as_account(binaries),
            )
            if done.returncode:
                raise DevError(
                    f"PostgreSQL's data could not be made:\n{(done.stderr or done.stdout).strip()}"
                )
            shutil.rmtree(self.home.data, ignore_errors=True)  # without PG_VERSION it never was a cluster
            data.rename(self.home.data)

    def _launch(self, binaries: programs.Binaries) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            # a crash of the machine loses the last moments of development data, never their consistency
            "synchronous_commit": "off",
        }
        command = [str(binaries.programs / "postgres"), "-D", str(self.home.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with interrupts.deferred(), self.log.open("wb") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_account(binaries),
            )
        try:
            wait_until(lambda: child.poll() is not None or self._ready(child.pid), START_SECONDS)
        except BaseException:
            child.send_signal(signal.SIGINT)
            child.wait(STOP_SECONDS)
            raise
        if child.poll() is not None or not self._ready(child.pid):
            child.kill()
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            raise DevError(f"PostgreSQL did not start; the end of {self.log}:\n" + "\n".join(lines[-12:]))

    def _ready(self, pid: int) -> bool:
        try:
            lines = (self.home.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _check_port(self) -> None:
        """A running server must be the one of this port: the specification's may have changed meanwhile."""
        lines = (self.home.data / "postmaster.pid").read_text().splitlines()
        if len(lines) > 3 and lines[3] != str(self.port):
            raise DevError(
                f"PostgreSQL still runs on port {lines[3]}, and the specification says {self.port} now",
                f"stop it first: `{self.script('dev down')}`",
            )

    def _check_password(self, binaries: programs.Binaries, password: str) -> None:
        psql = binaries.programs / "psql"
        if not psql.exists():
            return
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", self.user, "-d", "postgres"]
        done = subprocess.run(
            [psql, "-X", "-w", "-t", *place, "-c", "select 1"],
            capture_output=True,
            text=True,
            check=False,
            env={
                **binaries.environment(),
                "PGPASSWORD": password,
                "PGREQUIREAUTH": "scram-sha-256",  # never in clear, whoever it is that listens there
                "PGCONNECT_TIMEOUT": "10",
            },
        )
        if done.returncode == 0:
            return
        if "password authentication failed" in done.stderr:
            raise DevError(
                f"PostgreSQL refuses the password in .env: the data in {self.home.data} were made with another one",
                "put the former POSTGRES_PASSWORD back into .env\n"
                f"or wipe the local data: `{self.script('dev death')}`",
            )
        raise DevError(f"PostgreSQL does not let us in: {done.stderr.strip()}")

    def _as_account(self, binaries: programs.Binaries) -> dict[str, Any]:
        """How Popen starts a program for the account: its rights, a folder it may be in, no other variable."""
        found: dict[str, Any] = {"env": binaries.environment(), "cwd": self.home.base}
        if self.home.account:
            found |= {"user": self.home.account.uid, "group": self.home.account.gid, "extra_groups": []}
        return found

    @contextmanager
    def in_use(self, password: str, stays: Callable[[], bool]) -> Iterator[None]:
        """Have it running inside the block; the last user that leaves stops it, unless it `stays`.

        Users are counted by a shared lock, which the system lets go whatever becomes of a user.
        """
        with self._lock("postgres.users") as users:
            with self._lock("postgres.lock", fcntl.LOCK_EX):
                fcntl.flock(users, fcntl.LOCK_SH)
                self._start_for(users, password, stays)
            try:
                yield
            finally:
                with self._lock("postgres.lock", fcntl.LOCK_EX):
                    self._leave(users, stays)

    def _start_for(self, users: IO[str], password: str, stays: Callable[[], bool]) -> None:
        try:
            self.ensure(password)
        except BaseException:
            self._leave(users, stays)
            raise

    def _leave(self, users: IO[str], stays: Callable[[], bool]) -> None:
        fcntl.flock(users, fcntl.LOCK_UN)
        with suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not stays():
                self.stop()

    @contextmanager
    def _lock(self, name: str, kind: int = fcntl.LOCK_UN) -> Iterator[IO[str]]:
        self.locks.mkdir(parents=True, exist_ok=True)
        with (self.locks / name).open("a+") as file:
            fcntl.flock(file, kind)
            yield file


def taken(port: int, what: str, down: str) -> DevError:
    """The error that a port is in use, with its holder if it can be found out; `down` stops what is ours."""
    who = holder(port)
    return DevError(
        f"port {port} of 127.0.0.1, meant for {what}, is already taken" + (f" by {who}" if who else ""),
        f"stop that program (`{down}` if it is left from an earlier start),"
        " or give another port in environments/",
    )
