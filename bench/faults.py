"""The faults: each function strikes once in a trial, at a random moment, and says in words what must be true after."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import psycopg

from bench.run import MissedError, must

if TYPE_CHECKING:
    from bench.trial import Trial


def kill_the_driver(trial: Trial) -> None:
    """kill -9 of the driver: its worker ends by itself, also when the next run has begun already."""
    run = trial.start()
    trial.somewhere_in(run)
    _kill(trial, run.process.pid, "driver")
    if trial.rng.random() < 0.5:
        trial.nobody_is_left(25)
        trial.no_lock_is_left()
        trial.finish()
    else:
        code = trial.start().end()
        must(code == 0, "a run beside the worker of a killed driver ends with 0", code)
        trial.nobody_is_left(25)
        trial.at_head()


def kill_the_worker(trial: Trial) -> None:
    """kill -9 of the worker: the driver says so, the hands end too."""
    run = trial.start()
    trial.somewhere_in(run)
    _kill(trial, _one(trial, "worker"), "worker")
    code = run.end(20)
    must(code in (0, 10), "a run whose worker was killed ends with 10 (0 when it was done)", code)
    trial.nobody_is_left(5)
    trial.no_lock_is_left()
    trial.finish()


def kill_a_hand(trial: Trial) -> None:
    """kill -9 of a hand: the run ends and tells it, or goes on without it."""
    run = trial.start()
    trial.somewhere_in(run)
    _kill(trial, _one(trial, "hand"), "hand")
    code = run.end(60)
    must(code in (0, 1, 3, 10), "a run one of whose hands was killed ends with 0, 1, 3 or 10", code)
    trial.nobody_is_left(5)
    trial.no_lock_is_left()
    trial.finish()


def stop_the_run(trial: Trial) -> None:
    """SIGTERM or SIGINT: exit code 10 or 130, within 12 s."""
    number, wanted = trial.rng.choice(((signal.SIGTERM, 10), (signal.SIGINT, 130)))
    run = trial.start()
    trial.somewhere_in(run)
    trial.note(f"{number.name} to the driver")
    run.process.send_signal(number)
    code = run.end(12)
    if code == 0:
        raise MissedError("the run was over")
    must(code == wanted, f"a run that got {number.name} ends with {wanted}", code)
    trial.nobody_is_left(3)
    trial.no_lock_is_left()
    trial.finish()


def several_runners(trial: Trial) -> None:
    """Two to ten runners at once: all end with 0, each revision is applied once."""
    runs = []
    for _ in range(trial.rng.randint(2, 10)):
        runs.append(trial.start())
        time.sleep(trial.rng.choice((0, trial.rng.uniform(0, 1))))
    codes = [run.end(150) for run in runs]
    must(set(codes) == {0}, "each of several runners at once ends with 0", codes)
    applied = [line for run in runs for line in run.said.splitlines() if "Applied new" in line]
    must(len(applied) >= len(trial.schemas), "somebody says of each schema what was applied", applied)
    trial.at_head()


def a_locked_table(trial: Trial) -> None:
    """An idle transaction reads a table that a revision alters: the run waits, or fails naming its pid."""
    must(trial.start().end() == 0, "a first run ends with 0")
    trial.add(body='op.execute("ALTER TABLE people ADD COLUMN age int")')
    trial.session = {"lock_timeout_ms": trial.rng.choice((300, 1000)), "statement_timeout_ms": 30000}
    trial.policy |= {
        "lock_retries": trial.rng.randint(0, 3),
        "max_failed_tenants": trial.rng.choice((0, None)),
    }
    schema, held = trial.rng.choice(trial.schemas), trial.rng.uniform(0.5, 8)
    with psycopg.connect(trial.server.url(trial.database), application_name="reader") as reader:
        reader.execute(f"SELECT * FROM {schema}.people".encode())
        pid = reader.info.backend_pid
        run = trial.start()
        trial.note(f"pid {pid} holds {schema}.people for {held:.1f} s, {trial.policy}, {trial.session}")
        give_up = time.monotonic() + held
        while run.running() and time.monotonic() < give_up:
            time.sleep(0.05)
        if not run.running() and (code := run.end()) != 0:
            must(code == 4, "a run that does not get a table's lock ends with 4", code)
            must(f"{schema} locked" in run.said, f"it says that {schema} is locked")
            must(bool(re.search(rf"\b{pid}\b", run.said)), f"it names the pid that holds the table, {pid}")
        must(trial.whole()[schema] == trial.chain[-2], "nothing of the revision is in a locked schema")
    code = run.end()
    must(code in (0, 4), "a run beside a locked table ends with 0 or 4", code)
    trial.finish()


def a_cut_connection(trial: Trial) -> None:
    """pg_terminate_backend of one of the run's sessions: exit code 3, or 0 when it could go on."""
    run = trial.start()
    trial.somewhere_in(run)
    sessions = "SELECT pid, application_name FROM pg_stat_activity WHERE datname = %s"
    found = trial.server.query(sessions, parameters=[trial.database])
    if not found:
        raise MissedError("no session was there")
    pid, name = trial.rng.choice(found)
    trial.note(f"cut the session {pid} of {name}, one of {found}")
    trial.server.query("SELECT pg_terminate_backend(%s)", parameters=[pid])
    code = run.end()
    must(code in (0, 3), "a run whose session was cut ends with 3, or with 0", code)
    trial.nobody_is_left(5)
    trial.no_lock_is_left()
    trial.finish()


def a_server_that_stops(trial: Trial) -> None:
    """The server is stopped or killed in the middle, and started again: exit code 3, or 0."""
    run = trial.start()
    trial.somewhere_in(run)
    number = trial.rng.choice((signal.SIGINT, signal.SIGKILL))
    trial.note(f"{number.name} to the server")
    trial.server.stop(number)
    time.sleep(trial.rng.uniform(0, 3))
    trial.server.start()
    trial.note("the server is back")
    code = run.end()
    must(code in (0, 3), "a run whose server stopped ends with 3, or with 0", code)
    trial.nobody_is_left(5)
    trial.finish()


def too_many_connections(trial: Trial) -> None:
    """Others take every connection: the run waits for one, or ends with 3 and the server's own words."""
    before = trial.rng.random() < 0.5
    run = None if before else trial.start()
    if run:
        trial.somewhere_in(run)
    with ExitStack() as others:
        with suppress(psycopg.OperationalError):
            while True:
                url = trial.server.url()
                others.enter_context(psycopg.connect(url, application_name="others", connect_timeout=5))
        run = run or trial.start()
        time.sleep(trial.rng.uniform(0.5, 5))
        trial.note("the others leave")
    code = run.end()
    must(code in (0, 3), "a run without a free connection ends with 3, or with 0", code)
    must(code == 0 or "too many clients" in run.said or "slots" in run.said, "it says why")
    trial.finish()


def a_failing_tenant(trial: Trial) -> None:
    """A revision that fails in one schema: exit code 1, its name, its revision, its reason, and the others whole."""
    schema = trial.rng.choice(trial.schemas)
    place = trial.rng.randint(0, 1)
    if place:
        trial.add()
    fails = f"op.execute(\"SELECT 1 / (current_schema() <> '{schema}')::int\")"
    bad = trial.add("bad", fails)
    trial.add("last")
    trial.policy |= {"max_failed_tenants": trial.rng.choice((0, 1, None))}
    run = trial.start()
    code = run.end()
    must(code == 1, "a run with a failing revision ends with 1", code)
    wanted = f"  ✗ {schema} failed at step_{bad}: division by zero"
    must(wanted in run.said, f"it says: {wanted}")
    versions = trial.whole()
    must(versions[schema] == trial.chain[-3], f"{schema} is at what is before {bad}", versions)
    others = {version for each, version in versions.items() if each != schema}
    if trial.policy["max_failed_tenants"] is None:
        must(
            others <= {trial.chain[-1]},
            "a failing schema leaves no other behind when all are wanted",
            versions,
        )
    file = trial.file(bad)
    file.write_text(file.read_text("utf-8").replace(fails, "pass"), "utf-8")
    trial.no_lock_is_left()
    trial.finish()


def beside_an_index(trial: Trial) -> None:
    """CREATE INDEX CONCURRENTLY waits for every snapshot: ours must not be held, and it may be ours itself."""
    trial.server.query("CREATE TABLE public.big AS SELECT generate_series(1, 20000) AS i", trial.database)
    own = trial.rng.random() < 0.5
    if own:
        with_block = "with op.get_context().autocommit_block():\n"
        trial.add(body=f'{with_block}    op.execute("CREATE INDEX CONCURRENTLY ON people (other)")')
    made: list[float] = []
    over, trouble = threading.Event(), []

    def index() -> None:
        try:
            with psycopg.connect(trial.server.url(trial.database), autocommit=True) as session:
                while not over.is_set():
                    began = time.monotonic()
                    session.execute("CREATE INDEX CONCURRENTLY big_i ON public.big (i)")
                    made.append(time.monotonic() - began)
                    session.execute("DROP INDEX CONCURRENTLY public.big_i")
        except psycopg.Error as error:
            trouble.append(error)

    thread = threading.Thread(target=index)
    thread.start()
    runs = [trial.start() for _ in range(trial.rng.randint(1, 3))]
    codes = [run.end() for run in runs]
    over.set()
    thread.join(30)
    trial.note(f"{len(made)} indexes beside the run, the slowest {max(made, default=0):.1f} s, own {own}")
    must(not trouble, "CREATE INDEX CONCURRENTLY beside a run succeeds", trouble)
    must(not thread.is_alive() and max(made, default=99) < 10, "and never waits for 10 s", made)
    must(set(codes) == {0}, "and the run ends with 0", codes)
    trial.at_head()


def a_kill_in_an_autocommit_block(trial: Trial) -> None:
    """Half of a revision is committed: the next run says dirty and ends with 9, and never applies it again."""
    must(trial.start().end() == 0, "a first run ends with 0")
    trial.pace = 0.02
    block = "with op.get_context().autocommit_block():\n"
    half = "op.execute(\"INSERT INTO log VALUES ('half')\")"
    trial.add(body=f'{block}    {half}\n    op.execute("SELECT pg_sleep(1)")', logs=False)
    run = trial.start()
    trial.until(lambda: not run.running() or any(map(_half, _logs(trial))))
    role = trial.rng.choice(("worker", "hand"))
    for pid in trial.processes(role) or trial.processes("worker"):
        _kill(trial, pid, role)
    run.end(60)
    trial.nobody_is_left(25)
    trial.no_lock_is_left()
    halves = {schema: rows.count("half") for schema, rows in zip(trial.schemas, _logs(trial), strict=True)}
    versions = trial.versions()
    dirty = {schema for schema in trial.schemas if halves[schema] and versions[schema] != trial.chain[-1]}
    if not dirty:
        raise MissedError("no schema was inside")
    again = trial.start()
    code = again.end()
    must(code == 9, f"a run over half applied {sorted(dirty)} ends with 9", code)
    for schema in dirty:
        must(f"  ✗ {schema} dirty" in again.said, f"it says that {schema} is dirty")
    now = dict(zip(trial.schemas, _logs(trial), strict=True))
    must(all(now[schema].count("half") == 1 for schema in dirty), "the half is not applied again", now)


def _logs(trial: Trial) -> list[list[str]]:
    return [trial.logged(schema) for schema in trial.schemas]


def _half(rows: list[str]) -> bool:
    return "half" in rows


def _one(trial: Trial, role: str) -> int:
    found = trial.processes(role)
    if not found:
        raise MissedError(f"no {role} was there")
    return trial.rng.choice(found)


def _kill(trial: Trial, pid: int, what: str) -> None:
    trial.note(f"kill -9 of the {what}, pid {pid}")
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        raise MissedError(f"the {what} was gone") from None


KINDS = (
    kill_the_driver,
    kill_the_worker,
    kill_a_hand,
    stop_the_run,
    several_runners,
    a_locked_table,
    a_cut_connection,
    a_server_that_stops,
    too_many_connections,
    a_failing_tenant,
    beside_an_index,
    a_kill_in_an_autocommit_block,
)
