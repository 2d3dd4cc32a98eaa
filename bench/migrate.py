"""Measures the runner: a first run, and a run with nothing to do, over more and more schemas, next to other ways.

All variants alternate in one run, so a busy machine slows all of them alike: read the ratios. The floor of a first run
is one psql that is given the very SQL that Alembic renders for every schema; the floor of a run with nothing to do is a
script that connects and reads the version tables. `service.py` has the service, and what the others run. The server
is private and has PostgreSQL's default settings, so it waits for its disk as one in production does; with `--memory` it
is on a memory file system and waits for nothing, which shows the work alone. Peaks are those of all processes of a run
together, the server's left out.

    make bench-migrate
    .venv/bin/python -m bench.migrate --memory
    .venv/bin/python -m bench.migrate --tenants 100 --rounds 5
    .venv/bin/python -m bench.migrate --huge              # 15,000 schemas, PostgreSQL's default settings, each once
    .venv/bin/python -m bench.migrate --huge --pending    # and one pending trivial revision: many minutes
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from bench.measure import Times, Variant, alternate
from bench.service import DATABASE, HEAD, Service
from tests.postgres import DEFAULTS, SETTINGS, Server, new_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COUNTS, HUGE = (1, 10, 100, 1000), 15_000
#: More tenants than this are not migrated by one process each: 0.7 s per tenant.
MOST_PROCESSES = 100
PSQL, LOOK, PASS = "psql, the same SQL", "connect, read versions", "python -c pass"
LOOP, EACH = "command.upgrade loop", "alembic per tenant"
STAMPED = """CREATE SCHEMA "{schema}";
CREATE TABLE "{schema}".alembic_version (version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY);
INSERT INTO "{schema}".alembic_version VALUES ('{head}');"""
ALEMBIC = str(Path(sys.executable).with_name("alembic"))


def main() -> None:
    """Parse the arguments, measure, print two tables for each number of tenants."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tenants", type=int, action="append", help="how many schemas; repeatable")
    parser.add_argument("--rounds", type=int, help="how often each variant runs (default: by the tenants)")
    parser.add_argument("--only", choices=("first", "nothing"), help="one of the tables")
    parser.add_argument("--pending", action="store_true", help="with --huge: also one pending revision")
    parser.add_argument("--memory", action="store_true", help="a server that never waits for a disk")
    parser.add_argument("--huge", action="store_true", help=f"{HUGE:,} schemas, and nothing else")
    parser.add_argument("--variant", action="append", help="only these of ours, by their names; repeatable")
    parser.add_argument(
        "--runner", type=Path, help="the folder of another genmigrate package to compare with"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the server is stopped
    folder = new_folder(memory=options.memory)
    server = Server(folder, SETTINGS if options.memory else DEFAULTS)
    server.start()
    print(f"{server.query('SELECT version()')[0][0].split(' on ')[0]}, {os.cpu_count()} cores, ", end="")
    print("in memory, " if options.memory else "on disk, ", end="")
    print(f"load {os.getloadavg()[0]:.1f} before the first variant")
    try:
        with tempfile.TemporaryDirectory() as work:
            if options.huge:
                _huge(Service(Path(work) / "huge", server, _tenants(HUGE)), options)
                return
            for count in options.tenants or COUNTS:
                service = Service(Path(work) / str(count), server, _tenants(count))
                service.write()
                rounds = options.rounds or (5 if count < 100 else 3 if count < 1000 else 1)
                if options.only != "nothing":
                    _first(service, rounds, options)
                if options.only != "first":
                    _nothing(service, max(rounds, 3), options)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _tenants(count: int) -> list[str]:
    return [f"t{number:05}" for number in range(count)]


def _first(service: Service, rounds: int, options: argparse.Namespace) -> None:
    commands = {PSQL: service.psql(service.sql()), LOOP: service.script("loop")}
    if len(service.tenants) <= MOST_PROCESSES:
        commands[EACH] = service.script("shell", ALEMBIC)
    commands |= _ours(service, options.variant)
    variants = _variants(service, commands, service.empty, options.runner)
    _table("first run", service, alternate(variants, service.folder, rounds), rounds, PSQL, LOOP)


def _nothing(service: Service, rounds: int, options: argparse.Namespace) -> None:
    service.empty()
    alternate(_variants(service, {PSQL: service.psql(service.sql())}), service.folder, 1)
    commands = {PASS: [sys.executable, "-c", "pass"], LOOK: service.script("look", HEAD)}
    if len(service.tenants) <= MOST_PROCESSES:
        commands[LOOP] = service.script("loop")
    commands |= _ours(service, options.variant)
    variants = _variants(service, commands, other=options.runner)
    _table("nothing to do", service, alternate(variants, service.folder, rounds), rounds, LOOK, LOOP)


def _ours(service: Service, chosen: list[str] | None) -> dict[str, list[str]]:
    commands = {
        "ours": service.ours(service.plan()),
        "ours, 2 at once": service.ours(service.plan(parallelism=2), "spawn"),
        "ours, 4 at once": service.ours(service.plan(parallelism=4), "spawn"),
        "ours, skip_env": service.ours(service.plan(skip_env=True)),
        "ours, skip_env, 2": service.ours(service.plan(skip_env=True, parallelism=2), "spawn"),
        "ours, skip_env, 4": service.ours(service.plan(skip_env=True, parallelism=4), "spawn"),
    }
    return {name: command for name, command in commands.items() if not chosen or name in chosen}


def _variants(
    service: Service,
    commands: Mapping[str, list[str]],
    prepare: Callable[[], None] = lambda: None,
    other: Path | None = None,
) -> dict[str, Variant]:
    made: dict[str, Variant] = {}
    for name, command in commands.items():
        one = partial(
            Variant, [command], prepare, cwd=service.folder, check=partial(_all_at_head, service), tree=True
        )
        made[name] = one(variables=service.variables)
        if other and name.startswith("ours"):
            made[f"{name} (2)"] = one(variables=service.variables | {"PYTHONPATH": str(other)})
    return made


def _all_at_head(service: Service, head: str = HEAD) -> None:
    """A run that left something out was no run."""
    with psycopg.connect(service.server.url(DATABASE), autocommit=True) as session:
        for start in range(0, len(service.schemas), 100):
            parts = [
                f'SELECT version_num FROM "{schema}".alembic_version'
                for schema in service.schemas[start : start + 100]
            ]
            found = session.execute(" UNION ALL ".join(parts).encode()).fetchall()
            if found != [(head,)] * len(parts):
                sys.exit(f"bench: not every schema is at {head} after a run that ended with 0")


def _table(
    title: str, service: Service, times: Mapping[str, Times], rounds: int, floor: str, loop: str
) -> None:
    print(f"\n{title}: {len(service.tenants):,} schemas, {rounds} rounds")
    names = ("median ms", "best ms", "CPU ms", "x floor", "x loop", "CPU x loop", "peak MiB")
    print(f"{'':26}" + "".join(f"{name:>11}" for name in names))
    for name, one in times.items():
        ratios = (one.ms / times[loop].ms, one.cpu_ms / times[loop].cpu_ms) if loop in times else (0, 0)
        print(
            f"{name:26}{one.ms:>11.0f}{min(one.wall) * 1e3:>11.0f}{one.cpu_ms:>11.0f}"
            f"{one.ms / times[floor].ms:>11.2f}"
            + "".join(f"{ratio:>11.2f}" if ratio else f"{'':>11}" for ratio in ratios)
            + f"{one.peak:>11.0f}",
            flush=True,
        )


def _huge(service: Service, options: argparse.Namespace) -> None:
    service.write()
    service.empty()
    with psycopg.connect(service.server.url(DATABASE), autocommit=True) as session:
        for start in range(0, HUGE, 100):  # more in one transaction exhausts the default lock table
            schemas = service.schemas[start : start + 100]
            statements = [STAMPED.format(schema=schema, head=HEAD) for schema in schemas]
            session.execute("\n".join(statements).encode())
    plan = service.plan()
    commands = {
        LOOK: service.script("look", HEAD),
        "ours": service.ours(plan),
        "ours, status": service.ours(plan, command="status"),
    }
    times = alternate(_variants(service, commands), service.folder, 1)
    _table("nothing to do, default settings", service, times, 1, LOOK, LOOP)
    if not options.pending:
        return
    slow = _ours(service, options.variant or ["ours, 2 at once", "ours, skip_env, 2"])
    made: dict[str, Times] = {}
    for number, (name, command) in enumerate(slow.items()):
        revision, parent = f"c{number}", f"c{number - 1}" if number else HEAD
        service.add(revision, parent, "trivial", 'op.execute("SELECT 1")')
        variant = _variants(service, {name: command})[name]
        variant.check = partial(_all_at_head, service, revision)
        made |= alternate({name: variant}, service.folder, 1)
    _table("one pending trivial revision", service, {LOOK: times[LOOK], **made}, 1, LOOK, LOOP)


if __name__ == "__main__":
    main()
