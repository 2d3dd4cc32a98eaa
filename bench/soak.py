"""Torments the runner for as long as it is told: one fault after the other, each at a random moment of a fresh trial.

The server is private. The seed is printed; a round is repeated by its number, though not to the millisecond. Of the
first failure of each kind a transcript is kept. Exit code 1 if anything failed, or a fault never struck.

    make soak MINUTES=60
    .venv/bin/python -m bench.soak --minutes 5 --only kill_the_worker --seed 7
    .venv/bin/python -m bench.soak --seed 7 --round 12
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench.faults import KINDS
from bench.run import BrokenError, MissedError
from bench.service import ROOT
from bench.trial import Trial
from tests.postgres import Server, new_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TRIES = 5  # in vain, and a fault counts as one that never strikes
LOG_BYTES = 20_000


def main() -> int:
    """Parse the arguments, run the rounds, print what was survived."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [kind.__name__ for kind in KINDS]
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--only", choices=names, action="append", help="this kind of fault; repeatable")
    parser.add_argument("--round", type=int, help="only this one")
    parser.add_argument("--keep", type=Path, help="where transcripts of failures go (default: a new folder)")
    parser.add_argument("--runner", type=Path, default=ROOT, help="the folder of another genmigrate package")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the server is stopped
    keep = options.keep or Path(tempfile.mkdtemp(prefix="soak-"))
    keep.mkdir(parents=True, exist_ok=True)
    kinds = [kind for kind in KINDS if not options.only or kind.__name__ in options.only]
    print(f"seed {options.seed}, {options.minutes:g} minutes, transcripts go to {keep}", flush=True)
    folder = new_folder()
    server = Server(folder)
    server.start()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    interrupted = False
    try:
        for number in _rounds(options.minutes, options.round):
            kind = kinds[number % len(kinds)]
            ended = _round(server, kind, options, number, keep)
            counts[kind.__name__][ended] += 1
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        interrupted = True
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return _report(counts) or (130 if interrupted else 0)


def _rounds(minutes: float, only: int | None) -> Iterable[int]:
    if only is not None:
        yield only
        return
    number, give_up = 0, time.monotonic() + minutes * 60
    while time.monotonic() < give_up:
        yield number
        number += 1


def _round(
    server: Server, kind: Callable[[Trial], None], options: argparse.Namespace, number: int, keep: Path
) -> str:
    """One trial; returns survived, missed or failed."""
    log = server.folder / "log"
    size = log.stat().st_size
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        seed = options.seed
        trial = Trial(server, Path(folder), random.Random(f"{seed} {number}"), options.runner.absolute())
        try:
            kind(trial)
        except MissedError:
            return "missed"
        except BrokenError as broken:
            _keep(keep / f"{kind.__name__}.txt", trial, log, size, f"seed {seed}, round {number}: {broken}")
            print(f"round {number}: {kind.__name__}: {broken}", flush=True)
            return "failed"
        finally:
            if not server.running():
                server.start()
            trial.end()
    return "survived"


def _keep(file: Path, trial: Trial, log: Path, size: int, title: str) -> None:
    if not file.exists():
        with log.open("rb") as stream:
            stream.seek(size)
            server = stream.read().decode("utf-8", "replace")[-LOG_BYTES:]
        file.write_text(f"{title}\n{trial.transcript()}\n--- the server's log\n{server}", "utf-8")


def _report(counts: dict[str, Counter[str]]) -> int:
    ended = ("survived", "failed", "missed")
    print(f"\n{'':32}" + "".join(f"{word:>10}" for word in ended))
    never = []
    for name, found in counts.items():
        print(f"{name:32}" + "".join(f"{found[word]:>10}" for word in ended))
        if found["missed"] >= TRIES and not found["survived"] + found["failed"]:
            never.append(name)
    total = sum(counts.values(), Counter[str]())
    print(f"{total['survived']} survived, {total['failed']} failed, {total['missed']} missed their moment")
    for name in never:
        print(f"{name} never struck: it proves nothing")
    return 1 if total["failed"] or never else 0


if __name__ == "__main__":
    sys.exit(main())
