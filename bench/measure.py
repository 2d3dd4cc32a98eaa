"""Commands into times and peaks: all variants alternate, so a busy machine slows all of them alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOK_S = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Variant:
    """What is measured: processes that run one after the other, and, unmeasured, what is done before and after them."""

    commands: list[list[str]]
    prepare: Callable[[], None] = lambda: None
    variables: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    check: Callable[[], None] = lambda: None
    tree: bool = False  # the peak of the process with all its descendants together


@dataclass
class Times:
    """What the rounds of one variant took: seconds by the clock, seconds of CPU, and the peak in MiB."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: float = 0

    @property
    def ms(self) -> float:
        """The median by the clock."""
        return statistics.median(self.wall) * 1e3

    @property
    def cpu_ms(self) -> float:
        """The median of the CPU time, that of finished child processes included."""
        return statistics.median(self.cpu) * 1e3


def alternate(variants: Mapping[str, Variant], root: Path, rounds: int) -> dict[str, Times]:
    """Run every variant once in each round, in the folder `root`."""
    times = {name: Times() for name in variants}
    for _ in range(rounds):
        for name, variant in variants.items():
            variant.prepare()
            wall = cpu = 0.0
            for command in variant.commands:
                took, used, peak = _run(command, variant, root)
                wall, cpu = wall + took, cpu + used
                times[name].peak = max(times[name].peak, peak)
            variant.check()
            times[name].wall.append(wall)
            times[name].cpu.append(cpu)
    return times


def _run(command: list[str], variant: Variant, root: Path) -> tuple[float, float, float]:
    # Python's compiled modules are part of every installation, so they may be used and written here too.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=variant.cwd or root,
            env=environment | dict(variant.variables),
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        tree = Tree(process.pid)
        if variant.tree:
            tree.start()
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        process.returncode = status
        tree.over.set()
        if status:
            said.seek(0)
            sys.exit(f"{command}: {said.read().decode()}")
    return took, usage.ru_utime + usage.ru_stime, tree.peak or usage.ru_maxrss / 1024


class Tree(threading.Thread):
    """Looks at a process and its descendants, and keeps the most MiB that they had in memory together.

    Pages that they share are counted for each of them.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self.over = threading.Event()
        self._pid = pid

    def run(self) -> None:
        """The thread's body."""
        while True:
            self.peak = max(self.peak, sum(map(_resident, descendants(self._pid))))
            if self.over.wait(LOOK_S):
                return


def descendants(pid: int) -> list[int]:
    """This process and all below it that live."""
    found = [pid]
    for each in found:  # grows while it is walked
        for file in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, file.read_text("ascii").split())
    return found


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE / 2**20
    except (OSError, IndexError):
        return 0
