"""In which order schemas are migrated, how many at once, when a run stops, and what it waits for."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from genmigrate.lock import key_of

from .test_exchange import SLOW, _children, _command, external, sleeping, until
from .test_hold import BLOCK
from .test_upgrade import without_time

if TYPE_CHECKING:
    from .conftest import Ended, Platform

pytestmark = pytest.mark.minutes

SCHEMA = 'schema = op.get_bind().scalar(sa.text("SELECT current_schema()"))\n'
LOGGED = (
    "import os, threading\n"
    "assert threading.current_thread() is threading.main_thread()\n"
    'began = op.get_bind().scalar(sa.text("SELECT clock_timestamp()::text"))\n'
    f"{SCHEMA}{{body}}\n"
    "op.execute(f\"INSERT INTO public.log VALUES ('{{schema}}', {{os.getpid()}}, '{{began}}', clock_timestamp())\")"
)
FAILURE = 'raise ValueError("no")'


def prepare(platform: Platform, *tenants: str, **policy: Any) -> None:
    """One service with these tenants, and a table in which revisions write down when they ran."""
    platform.only("accounts")
    platform.plan["tenants"] = list(tenants)
    platform.policy(**policy)
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    columns = "schema text, pid int, began timestamptz, ended timestamptz"
    platform.query("accounts", f"CREATE TABLE public.log ({columns})")


def logged(platform: Platform, body: str = "pass", slug: str = "write_down") -> Path:
    """Add a revision behind the head that writes down its schema, its process, its beginning and its end."""
    return platform.add("accounts", "a3", "a2", slug, LOGGED.format(body=body))


def log(platform: Platform) -> list[tuple[Any, ...]]:
    return platform.query("accounts", "SELECT * FROM public.log ORDER BY began")


def counts(ended: Ended) -> str:
    return re.sub(r".* schemas: | \(run [0-9a-f]{6}, \d+\.\d s\)$", "", ended.lines[-1])


def there(platform: Platform, schema: str) -> bool:
    return platform.query("accounts", f"SELECT to_regnamespace('{schema}')") != [(None,)]


def hold(platform: Platform, statement: str) -> psycopg.Connection[Any]:
    """Another session, in a transaction in which it has executed this."""
    url = platform.server.url(platform.service("accounts")["database"])
    other = psycopg.connect(url, application_name="other")
    other.execute(statement.encode())
    return other


def hands(worker: int) -> list[int]:
    return [int(pid) for pid in _children(worker) if "\0hand\0" in _command(int(pid))]


def works(pid: int) -> bool:
    """Whether this process is there, and not only as something that nobody has waited for."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return bool(_command(pid))
    return False


def worker_of(driver: int) -> int:
    (worker,) = [int(pid) for pid in _children(driver) if "worker" in _command(int(pid))]
    return worker


def test_canaries_come_first(platform: Platform) -> None:
    prepare(platform, "a", "b", "c", "d", canary=["d", "c"], parallelism=2)
    logged(platform)
    ended = platform.run("upgrade")
    assert (ended.code, ended.err) == (0, ""), ended.out
    assert [row[0] for row in log(platform)[:2]] == ["accounts_c", "accounts_d"]
    starts, ends = ([row[place] for row in log(platform)] for place in (2, 3))
    assert max(ends[:2]) < min(starts[2:])
    assert without_time(ended.lines[-1]) == "4 schemas: 0 up-to-date, 4 applied, 0 failed, 0 skipped (T)"


def test_runs_at_once_do_not_keep_each_other_from_the_canary(platform: Platform) -> None:
    """Its lock is not held any longer than the work on it."""
    prepare(platform, "a", "b", "c", "d", canary=["a"], parallelism=1)
    logged(platform, 'if schema != "accounts_a":\n    op.execute("SELECT pg_sleep(4)")')
    runs = [platform.start("upgrade", "--timeout", "9") for _ in range(2)]
    ended = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], ended


def test_a_failing_canary_is_the_only_one_touched(platform: Platform) -> None:
    prepare(platform, "a", "b", "c", canary=["b"], max_failed_tenants=None, parallelism=3)
    logged(platform, FAILURE, "break")
    ended = platform.run("upgrade")
    assert [without_time(line) for line in ended.lines[1:]] == [
        "  ✗ accounts_b failed at break: ValueError: no",
        "    → migrations/versions/a3_break.py line 15",
        "    → accounts_b is at add_email, this run applied create_accounts, add_email",
        "  – accounts_a, accounts_c skipped, nothing applied yet",
        "3 schemas: 0 up-to-date, 0 applied, 1 failed, 2 skipped (T)",
    ]
    assert (ended.code, ended.err) == (1, "accounts: the canary failed, no other schema was touched\n")
    assert not there(platform, "accounts_a")
    assert not there(platform, "accounts_c")


def test_a_canary_that_needs_a_person_is_a_failing_canary(platform: Platform) -> None:
    prepare(platform, "a", "b", canary=["b"], max_failed_tenants=None)
    platform.query("accounts", "CREATE SCHEMA accounts_b CREATE TABLE t (i int)")
    ended = platform.run("upgrade")
    assert (ended.code, counts(ended)) == (9, "0 up-to-date, 0 applied, 1 failed, 1 skipped"), ended.out
    assert ended.err == "accounts: the canary failed, no other schema was touched\n"
    assert not there(platform, "accounts_a")


@pytest.mark.parametrize(
    ("allowed", "summary"),
    [
        (0, "0 up-to-date, 0 applied, 1 failed, 3 skipped"),
        (1, "0 up-to-date, 0 applied, 2 failed, 2 skipped"),
        (None, "0 up-to-date, 1 applied, 3 failed, 0 skipped"),
    ],
)
def test_as_many_may_fail_as_the_plan_allows(platform: Platform, allowed: int | None, summary: str) -> None:
    prepare(platform, "a", "b", "c", "d", max_failed_tenants=allowed)
    logged(platform, f'if schema != "accounts_d": {FAILURE}')
    ended = platform.run("upgrade")
    assert (ended.code, counts(ended)) == (1, summary), ended.out
    assert there(platform, "accounts_d") == (allowed is None)


def test_those_that_need_a_person_count_as_failed(platform: Platform) -> None:
    prepare(platform, "a", "b", "c", max_failed_tenants=1)
    platform.query("accounts", "CREATE SCHEMA accounts_a CREATE TABLE t (i int)")
    logged(platform, f'if schema == "accounts_b": {FAILURE}')
    ended = platform.run("upgrade")
    assert (ended.code, counts(ended)) == (1, "0 up-to-date, 0 applied, 2 failed, 1 skipped"), ended.out


def test_a_run_that_stops_lets_the_others_end(platform: Platform) -> None:
    """What is in flight is finished, and nothing new begun."""
    prepare(platform, "a", "b", "c", parallelism=2)
    body = f'op.execute("SELECT pg_sleep(2)")\nif schema == "accounts_a": {FAILURE}'
    logged(platform, body)
    ended = platform.run("upgrade")
    assert (ended.code, counts(ended)) == (1, "0 up-to-date, 1 applied, 1 failed, 1 skipped"), ended.out
    assert [line[:14] for line in ended.lines if line.startswith(("  ✓", "  ✗"))] == [
        "  ✗ accounts_a",
        "  ✓ Applied ne",
    ]
    assert [row[0] for row in log(platform)] == ["accounts_b"]
    assert not there(platform, "accounts_c")


def test_a_run_stops_at_what_cannot_even_begin(platform: Platform) -> None:
    """Those behind it are neither tried, nor locked any more when the run has ended."""
    prepare(platform, "a", "b", "c", parallelism=1)
    platform.server.query("CREATE ROLE weak LOGIN PASSWORD 'weak'")
    database = platform.service("accounts")["database"]
    url = f"postgresql://weak:weak@127.0.0.1:{platform.server.port}/{database}"
    ended = platform.run("upgrade", ACCOUNTS_DATABASE_URL=url)
    platform.server.query("DROP ROLE weak")
    assert (ended.code, counts(ended)) == (9, "0 up-to-date, 0 applied, 1 failed, 2 skipped"), ended
    assert "  ✗ accounts_a no-right: schema accounts_a may not be created" in ended.lines


def test_several_processes_work_at_once(platform: Platform) -> None:
    prepare(platform, "a", "b", "c", "d", parallelism=2)
    logged(platform, 'op.execute("SELECT pg_sleep(1.5)")')
    assert platform.run("upgrade").code == 0
    rows = log(platform)
    together = [sum(r[2] <= row[2] < r[3] for r in rows) for row in rows]
    assert (max(together), len({row[1] for row in rows})) == (2, 2), rows


def test_a_locked_table_is_tried_again(platform: Platform) -> None:
    prepare(platform, "a", lock_retries=3)
    assert platform.run("upgrade").code == 0
    platform.plan["session"]["lock_timeout_ms"] = 900
    platform.add("accounts", "a3", "a2", "add_x", 'op.add_column("accounts", sa.Column("x", sa.Text))')
    with hold(platform, "LOCK TABLE accounts_a.accounts") as other:
        pid = other.info.backend_pid
        driver = platform.start("upgrade")
        assert driver.stderr
        told = driver.stderr.readline()
    out, err = driver.communicate(timeout=30)
    assert re.fullmatch(
        r"accounts_a at add_x: canceling statement due to lock timeout \(SQLSTATE 55P03\), "
        rf"blocked by pid {pid} \(other, idle in transaction, transaction of \d+ s: "
        r"LOCK TABLE accounts_a\.accounts\); try 1 of 3 in [01]\.\d s\n",
        told,
    ), told
    assert (driver.returncode, err) == (0, "")
    assert "  ✓ Applied new migrations to accounts_a (add_x)\n" in out


def test_a_table_that_stays_locked_costs_one_tenant(platform: Platform) -> None:
    prepare(platform, "a", "b", "c", lock_retries=1, max_failed_tenants=None)
    assert platform.run("upgrade").code == 0
    platform.plan["session"]["lock_timeout_ms"] = 700
    platform.add("accounts", "a3", "a2", "add_x", 'op.add_column("accounts", sa.Column("x", sa.Text))')
    with hold(platform, "LOCK TABLE accounts_a.accounts") as other:
        pid = other.info.backend_pid
        ended = platform.run("upgrade")
    blocker = f"blocked by pid {pid} (other, idle in transaction, transaction of "
    (failure,) = [line for line in ended.lines if line.startswith("  ✗")]
    assert "  ✗ accounts_a locked at add_x: canceling statement due to lock timeout" in failure
    assert blocker in failure
    assert failure.endswith(" s: LOCK TABLE accounts_a.accounts)")
    assert (ended.code, counts(ended)) == (4, "0 up-to-date, 2 applied, 1 failed, 0 skipped")
    assert ended.err.count("try 1 of 1") == 1


def test_a_canary_that_drifted_is_the_only_one_touched(platform: Platform) -> None:
    """Again in the next run, in which the canary has nothing to do any more."""
    prepare(platform, "a", "b", "c")
    assert platform.run("upgrade", "--tenant", "a", "b").code == 0
    platform.query("accounts", "ALTER TABLE accounts_b.accounts ADD phone text")
    platform.add("accounts", "a3", "a2", "add_x", 'op.add_column("accounts", sa.Column("x", sa.Text))')
    assert platform.run("upgrade", "--tenant", "a").code == 0
    assert platform.run("snapshot", "--tenant", "a").code == 0
    platform.policy(canary=["b"], verify="drift", max_failed_tenants=None)
    platform.plan["create_databases"] = False
    for applied in (", this run applied add_x", ""):
        ended = platform.run("upgrade")
        assert [without_time(line) for line in ended.lines[1:]] == [
            "  ✓ accounts_a already up-to-date",
            "  ✗ accounts_b drifted: 1 difference from what the migrations make",
            "    → table accounts: column phone is not in the migrations",
            f"    → accounts_b is at add_x{applied}",
            "  – accounts_c skipped, nothing applied yet",
            "3 schemas: 1 up-to-date, 0 applied, 1 failed, 1 skipped (T)",
        ]
        assert (ended.code, ended.err) == (1, "accounts: the canary failed, no other schema was touched\n")
    platform.query("accounts", "ALTER TABLE accounts_b.accounts DROP phone")
    assert counts(platform.run("upgrade")) == "2 up-to-date, 1 applied, 0 failed, 0 skipped"


def test_a_missing_snapshot_is_told_before_anything_is_touched(platform: Platform) -> None:
    prepare(platform, "a", verify="drift")
    platform.plan["create_databases"] = False
    ended = platform.run("upgrade")
    assert (ended.code, "accounts usage: no snapshot of the schema in " in ended.lines[1]) == (2, True)
    assert not there(platform, "accounts_a")
    assert platform.query("accounts", "SELECT to_regclass('genmigrate.runs')") == [(None,)]


@pytest.mark.parametrize("block", ["", BLOCK], ids=["transaction", "autocommit"])
def test_a_data_migration_may_take_its_time(platform: Platform, block: str) -> None:
    prepare(platform, "a")
    platform.plan["session"]["statement_timeout_ms"] = 600
    indent = "    " if block else ""
    file = platform.add("accounts", "a3", "a2", "fill", f'{block}{indent}op.execute("SELECT pg_sleep(1.8)")')
    text = file.read_text()
    file.write_text(f'{text}\n\nphase = "data"\n')
    platform.add(
        "accounts",
        "a4",
        "a3",
        "quick",
        "assert op.get_bind().scalar(sa.text('SHOW statement_timeout')) == '600ms'",
    )
    ended = platform.run("upgrade", "--log", "json")
    assert ended.code == 0, ended.out
    events = [json.loads(line) for line in ended.lines]
    at = [each for event in events if event["event"] == "progress" for each in event["at"]]
    assert ("accounts_a", "fill", "data") in [
        (each["schema"], each["revision"], each["phase"]) for each in at
    ]


def test_another_migration_may_not(platform: Platform) -> None:
    prepare(platform, "a")
    platform.plan["session"]["statement_timeout_ms"] = 600
    platform.add("accounts", "a3", "a2", "fill", 'op.execute("SELECT pg_sleep(30)")')
    ended = platform.run("upgrade")
    assert ended.code == 1
    assert ended.lines[1] == (
        "  ✗ accounts_a failed at fill: canceling statement due to statement timeout (SQLSTATE 57014)"
    )


@pytest.mark.parametrize("runners", [2, 5])
def test_runners_at_once_apply_each_revision_once(platform: Platform, runners: int) -> None:
    prepare(platform, "a", "b", "c", parallelism=2, canary=["b"], lock_retries=3)
    logged(platform, 'op.execute("SELECT pg_sleep(0.2)")')
    drivers = [platform.start("upgrade") for _ in range(runners)]
    told = [driver.communicate(timeout=60) for driver in drivers]
    codes = [driver.returncode for driver in drivers]
    assert set(codes) <= {0, 4}, told
    assert 0 in codes
    assert sorted(row[0] for row in log(platform)) == ["accounts_a", "accounts_b", "accounts_c"]
    twice = "SELECT schema, revision FROM genmigrate.applied GROUP BY 1, 2 HAVING count(*) > 1"
    assert platform.query("accounts", twice) == []
    assert platform.query("accounts", "SELECT count(*) FROM genmigrate.applied") == [(9,)]
    assert any("waiting: accounts_" in err and "is being migrated by pid" in err for _out, err in told), told


def test_an_index_is_made_concurrently_beside_runners_and_transactions(platform: Platform) -> None:
    """It waits for every transaction of the database, also for one that takes longer than lock_timeout."""
    prepare(platform, "a", "b", parallelism=2)
    assert platform.run("upgrade").code == 0
    platform.plan["session"]["lock_timeout_ms"] = 300
    index = f'{BLOCK}    op.create_index("ix", "accounts", ["email"], postgresql_concurrently=True)'
    platform.add("accounts", "a3", "a2", "add_index", index)
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%' AND wait_event_type = 'Lock'"
    )
    with hold(platform, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1"):
        drivers = [platform.start("upgrade") for _ in range(2)]
        until(lambda: platform.query("accounts", waiting))
        time.sleep(1)
    told = [driver.communicate(timeout=30) for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0], told
    valid = "SELECT indisvalid FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relname = 'ix'"
    assert platform.query("accounts", valid) == [(True,), (True,)]
    assert platform.query("accounts", "SELECT * FROM genmigrate.unfinished") == []


def test_a_killed_hand_costs_one_tenant(platform: Platform) -> None:
    prepare(platform, "a", "b", max_failed_tenants=None)
    flag = platform.root / "accounts" / "slow"
    flag.touch()
    logged(platform, f'import pathlib\nif schema == "accounts_a" and pathlib.Path("slow").exists(): {SLOW}')
    driver = platform.start("upgrade")
    until(lambda: sleeping(platform))
    (hand,) = hands(worker_of(driver.pid))
    os.kill(hand, signal.SIGKILL)
    out, _ = driver.communicate(timeout=30)
    assert out.splitlines()[1:4] == [
        "  ✗ accounts_a terminated at write_down: its process was killed by signal 9",
        "    → run again, it goes on from the last whole revision",
        "    → accounts_a is at add_email, this run applied create_accounts, add_email",
    ]
    assert driver.returncode == 10
    assert "1 applied, 1 failed, 0 skipped" in out.splitlines()[-1]
    flag.unlink()
    again = platform.run("upgrade")
    assert (again.code, counts(again)) == (0, "1 up-to-date, 1 applied, 0 failed, 0 skipped"), again.out
    assert "  ✓ Applied new migrations to accounts_a (write_down)" in again.lines


LOCKS = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
)


def test_a_session_cut_behind_the_last_revision_is_no_success(platform: Platform) -> None:
    """The runner's own, with its lock: nobody has seen how the schema ended; what was not begun is told."""
    prepare(platform, "a", "b")
    logged(platform, f'op.get_bind().exec_driver_sql("{LOCKS}").fetchall()')
    ended = platform.run("upgrade")
    assert [without_time(line) for line in ended.lines[1:]] == [
        "  ✗ accounts_a unreachable at write_down: the session that holds its lock was cut",
        "    → run again, it goes on from the last whole revision",
        "  – accounts_b skipped, nothing applied yet",
        "2 schemas: 0 up-to-date, 0 applied, 1 failed, 1 skipped (T)",
    ]
    assert (ended.code, platform.version("accounts_a")) == (3, "a3")


def test_a_session_cut_before_anything_began_is_no_success(platform: Platform) -> None:
    prepare(platform, "a")
    with hold(platform, f"SELECT pg_advisory_lock({key_of('accounts_a')})") as other:
        driver = platform.start("upgrade")
        assert driver.stderr
        told = driver.stderr.readline()
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%sample/local%'"
        assert platform.query("accounts", cut) == [(True,)]
        out, err = driver.communicate(timeout=30)
        pid = other.info.backend_pid
    assert told == f"waiting: accounts_a is being migrated by pid {pid} (other)\n"
    assert err == "accounts unreachable: the session that holds its lock was cut\n"
    assert [without_time(line) for line in out.splitlines()[1:]] == [
        "  – accounts_a skipped, nothing applied yet",
        "1 schemas: 0 up-to-date, 0 applied, 0 failed, 1 skipped (T)",
    ]
    assert driver.returncode == 3


def test_hands_end_with_their_worker(platform: Platform, exchange: Path) -> None:
    prepare(platform, "a", "b", parallelism=2)
    logged(platform, SLOW)
    worker = platform.worker("accounts", exchange)
    driver = external(platform, exchange)
    until(lambda: len(hands(worker.pid)) == 2)
    until(lambda: sleeping(platform))
    pids = hands(worker.pid)
    worker.kill()
    worker.wait()
    try:
        until(lambda: not any(map(works, pids)), 5)
    finally:
        for pid in filter(works, pids):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not sleeping(platform), 5)
    driver.kill()
