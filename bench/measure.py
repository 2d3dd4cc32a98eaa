"""Commands into times and peaks: all variants alternate, so a busy machine slows all of them alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass
class Variant:
    """What is measured: processes that run one after the other, and what is made ready before them, unmeasured."""

    commands: list[list[str]]
    prepare: Callable[[], None] = lambda: None
    variables: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


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
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        process.returncode = status
        if status:
            said.seek(0)
            sys.exit(f"{command}: {said.read().decode()}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
