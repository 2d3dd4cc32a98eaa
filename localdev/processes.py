"""Turns process ids, groups and ports of this machine into answers: alive, ended, free, held by whom."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROC = Path("/proc")
# The variable by which a process tells which start it belongs to.
TOKEN = "GEN_DEV_RUN"


class Mark(NamedTuple):
    """A process that cannot be mistaken for a later one of the same id."""

    pid: int
    started: str


class _Row(NamedTuple):
    pid: int
    group: int
    state: str
    started: str


def mark(pid: int) -> Mark | None:
    """The mark of a living process, None when there is none."""
    row = next((row for row in _rows(pid) if not row.state.startswith("Z")), None)
    return Mark(row.pid, row.started) if row else None


def alive(process: Mark) -> bool:
    """Whether exactly this process still runs (one that only waits to be reaped does not)."""
    return mark(process.pid) == process


def members(group: int) -> list[int]:
    """The living processes of a process group."""
    return [row.pid for row in _rows() if row.group == group and not row.state.startswith("Z")]


def is_left(leader: Mark, token: str) -> bool:
    """Whether anything of the group that `leader` led is alive: itself, or one that carries its token.

    A number is given to a new group only when the old one is gone, so one such member vouches for all.
    """
    return alive(leader) or any(carries(pid, token) for pid in members(leader.pid))


def carries(pid: int, token: str) -> bool:
    """Whether a process was started with this token in its environment."""
    wanted = f"{TOKEN}={token}"
    if PROC.is_dir():
        try:
            return wanted.encode() in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            return False
    return wanted in _output("ps", "eww", "-o", "command=", "-p", str(pid)).split()


def boot() -> str:
    """What tells this start of the machine from every other."""
    try:
        return (PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return _output("sysctl", "-n", "kern.bootsessionuuid").strip()


def end_group(group: int, grace: float = 5.0) -> None:
    """End a process group: SIGTERM, and SIGKILL for what is left after `grace` seconds."""
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
        if wait_until(lambda: not members(group), seconds):
            return


def end_process(process: Mark, number: signal.Signals, seconds: float) -> bool:
    """Send one signal to a process and wait for its end; says whether it ended in time."""
    if alive(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
    return wait_until(lambda: not alive(process), seconds)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask `condition` until it is true, for at most `seconds`; says whether it became true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def command_line(pid: int) -> str:
    """A process's command line, empty when there is no such process."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return "" if PROC.is_dir() else _output("ps", "-o", "command=", "-p", str(pid)).strip()


def owner(pid: int) -> int | None:
    """The user id that a process runs with, None when there is no such process."""
    try:
        if PROC.is_dir():
            status = (PROC / str(pid) / "status").read_text(errors="replace")
            return int(status.split("\nUid:", 1)[1].split()[1])
        return int(_output("ps", "-o", "uid=", "-p", str(pid)))
    except (OSError, ValueError, IndexError):
        return None


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on a port, as `name (pid 123)`; empty when it cannot be found out."""
    pid = _holder_on_linux(port) if PROC.is_dir() else _holder_by_lsof(port)
    if not pid:
        return ""
    try:
        name = (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        name = Path(_output("ps", "-o", "comm=", "-p", str(pid)).strip()).name
    return f"{name} (pid {pid})"


def _rows(pid: int | None = None) -> Iterator[_Row]:
    """Processes with group, state and start time: from /proc, else from ps."""
    if PROC.is_dir():
        for folder in [PROC / str(pid)] if pid else PROC.iterdir():
            if folder.name.isdigit():
                with suppress(OSError):
                    # the name in brackets may hold anything, so the fields count from the last bracket
                    fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                    yield _Row(int(folder.name), int(fields[2]), fields[0], fields[19])
        return
    chosen = ["-p", str(pid)] if pid else ["-ax"]
    for line in _output("ps", *chosen, "-o", "pid=,pgid=,state=,lstart=").splitlines():
        number, group, state, started = line.split(maxsplit=3)
        yield _Row(int(number), int(group), state, started.strip())


def _holder_on_linux(port: int) -> int | None:
    inodes = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                for handle in (folder / "fd").iterdir():
                    with suppress(OSError):
                        if str(handle.readlink()) in inodes:
                            return int(folder.name)
    return None


def _holder_by_lsof(port: int) -> int | None:
    found = _output("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t").split()
    return int(found[0]) if found else None


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
