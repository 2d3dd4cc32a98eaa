"""Driver and workers as separate containers would run them: stale folders, dead workers, signals."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from .conftest import Platform

SLOW = 'op.execute("SELECT pg_sleep(30)")'


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not come to that"
        time.sleep(0.05)


def external(platform: Platform, exchange: Path, *more: str) -> subprocess.Popen[str]:
    return platform.start("upgrade", "--workers", "external", "--exchange", str(exchange), *more)


def sleeping(platform: Platform, service: str = "accounts") -> bool:
    """Whether the slow revision of a service is being executed."""
    database = platform.service(service)["database"]
    statement = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND state = 'active' AND query LIKE '%%pg_sleep%%'"
    )
    return bool(platform.server.query(statement, parameters=[database]))


def test_workers_in_their_own_containers(platform: Platform, exchange: Path) -> None:
    """The workers may come before or after the driver; the order is the plan's; all end with the driver."""
    platform.only("accounts", "flows")
    second = platform.worker("flows", exchange)
    until(lambda: (exchange / "flows.alive").exists())
    driver = external(platform, exchange)
    time.sleep(0.5)
    first = platform.worker("accounts", exchange)
    out, _ = driver.communicate(timeout=30)
    assert driver.returncode == 0, out
    assert [line.split(" (")[0] for line in out.splitlines()[1:5]] == [
        "  ✓ Applied new migrations to accounts_default",
        "  ✓ Applied new migrations to accounts_to_shiba",
        "  ✓ Applied new migrations to flows_default",
        "  ✓ Applied new migrations to flows_to_shiba",
    ]
    assert (first.wait(10), second.wait(10)) == (0, 0)


def test_a_worker_that_was_not_asked_ends_with_the_driver(platform: Platform, exchange: Path) -> None:
    platform.only("accounts", "flows")
    platform.add("accounts", "b2", "a1", "second_head")
    workers = [platform.worker(name, exchange) for name in ("accounts", "flows")]
    until(lambda: len(list(exchange.glob("*.alive"))) == 2)
    driver = external(platform, exchange)
    out, _ = driver.communicate(timeout=30)
    assert (driver.returncode, [worker.wait(10) for worker in workers]) == (9, [9, 0])
    assert "  – flows not started: flows_default, flows_to_shiba skipped" in out


def test_a_stale_folder_confuses_nobody(platform: Platform, exchange: Path) -> None:
    """The files of an earlier run, with orders, results, a stop and a killed driver's beat in it."""
    platform.only("accounts")
    worker = platform.worker("accounts", exchange)
    assert external(platform, exchange).wait(30) == 0
    assert worker.wait(10) == 0
    old = {file.name: file.read_bytes() for file in exchange.iterdir()}
    assert {"accounts.go", "accounts.lines", "accounts.result", "stop"} <= set(old)
    (exchange / "driver").write_text('{"run": "killed", "beat": 7}')
    (exchange / "accounts.result.1-2.tmp").write_text("{")
    (exchange / "somebody.else").write_text("stays")
    platform.add("accounts", "a3", "a2", "add_x")
    worker = platform.worker("accounts", exchange)
    until(lambda: (exchange / "accounts.alive").read_bytes() != old["accounts.alive"])
    time.sleep(1.0)
    assert worker.poll() is None, "it believed an old order or an old stop"
    assert platform.version("accounts_default") == "a2"
    driver = external(platform, exchange)
    out, _ = driver.communicate(timeout=30)
    assert driver.returncode == 0, out
    assert out.splitlines()[1] == "  ✓ Applied new migrations to accounts_default (add_x)"
    assert worker.wait(10) == 0
    assert not list(exchange.glob("*.tmp"))
    assert (exchange / "somebody.else").read_text() == "stays"


def test_a_killed_worker_is_an_error_and_no_hang(platform: Platform) -> None:
    platform.only("accounts", "intake")
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    driver = platform.start("upgrade")
    until(lambda: sleeping(platform))
    (worker,) = [
        int(pid)
        for pid in _children(driver.pid)
        if "worker" in _command(int(pid)) and "accounts" in _command(int(pid))
    ]
    os.kill(worker, signal.SIGKILL)
    out, _ = driver.communicate(timeout=30)
    assert driver.returncode == 10
    assert "  ✗ accounts terminated: its worker ended without a result (exit -9: " in out
    assert "  – intake not started: intake skipped" in out
    assert "0 up-to-date, 0 applied, 2 failed, 1 skipped" in out
    assert platform.version("accounts_default") == "a2"


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_a_restarted_container_is_an_error_and_no_hang(platform: Platform, exchange: Path) -> None:
    platform.only("accounts")
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    worker = platform.worker("accounts", exchange)
    driver = external(platform, exchange)
    until(lambda: sleeping(platform))
    worker.kill()
    platform.worker("accounts", exchange)
    out, _ = driver.communicate(timeout=30)
    assert driver.returncode == 10
    assert "  ✗ accounts terminated: its worker was restarted in the middle" in out


def test_a_worker_that_never_comes(platform: Platform, exchange: Path) -> None:
    platform.only("accounts")
    ended = platform.run(
        "upgrade", "--workers", "external", "--exchange", str(exchange), "--worker-timeout", "0.5"
    )
    assert ended.code == 10
    assert "  ✗ accounts terminated: no worker of accounts came within 0 s" in ended.out
    assert json.loads((exchange / "stop").read_text())["workers"] == []


def test_nobody_migrates_beside_a_worker_that_never_comes(platform: Platform, exchange: Path) -> None:
    """The image of the second service cannot be pulled: the first stays as it is."""
    platform.only("accounts", "flows")
    worker = platform.worker("accounts", exchange)
    ended = platform.run(
        "upgrade", "--workers", "external", "--exchange", str(exchange), "--worker-timeout", "2"
    )
    assert ended.code == 10
    assert "  ✗ flows terminated: no worker of flows came within 2 s" in ended.out
    assert "  – accounts not started: accounts_default, accounts_to_shiba skipped" in ended.out
    assert "0 up-to-date, 0 applied, 2 failed, 2 skipped" in ended.out
    assert worker.wait(15) == 0
    database = platform.service("accounts")["database"]
    assert not platform.server.query("SELECT FROM pg_database WHERE datname = %s", parameters=[database])


def test_sigterm_cancels_and_reports(platform: Platform) -> None:
    """The statement is cancelled, what was done before stays whole, exit code 10; Ctrl-C the same with 130."""
    platform.only("accounts")
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    platform.plan["policy"]["parallelism"] = 1
    for number, code, word in ((signal.SIGTERM, 10, "terminated"), (signal.SIGINT, 130, "interrupted")):
        driver = platform.start("upgrade")
        until(lambda: sleeping(platform))
        began = time.monotonic()
        driver.send_signal(number)
        out, err = driver.communicate(timeout=30)
        assert driver.returncode == code, out + err
        assert f"  ✗ accounts_default {word} at slow: stopped before it was done" in out
        assert "    → accounts_default is at add_email" in out
        assert "  – accounts_to_shiba skipped, nothing applied yet" in out
        assert time.monotonic() - began < 9
        until(lambda: not sleeping(platform), 5)
    assert platform.version("accounts_default") == "a2"


def test_sigterm_to_a_worker_s_container(platform: Platform, exchange: Path) -> None:
    platform.only("accounts")
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    worker = platform.worker("accounts", exchange)
    driver = external(platform, exchange)
    until(lambda: sleeping(platform))
    worker.terminate()
    out, _ = driver.communicate(timeout=30)
    assert (driver.returncode, worker.wait(10)) == (10, 10)
    assert "  ✗ accounts_default terminated at slow: " in out


def test_deadline(platform: Platform) -> None:
    platform.only("accounts")
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    ended = platform.run("upgrade", "--deadline", "4")
    assert ended.code == 7
    assert "  ✗ accounts_default deadline at slow: stopped before it was done (deadline)" in ended.out


def test_a_revision_that_cannot_be_cancelled(platform: Platform) -> None:
    """Python code that does not look at its database is ended after the grace, with a result."""
    platform.only("accounts")
    platform.add(
        "accounts", "a3", "a2", "deaf", "import time, pathlib\npathlib.Path('deaf').touch()\ntime.sleep(60)"
    )
    driver = platform.start("upgrade")
    until((platform.root / "accounts" / "deaf").exists)
    driver.terminate()
    began = time.monotonic()
    out, _ = driver.communicate(timeout=30)
    assert driver.returncode == 10, out
    assert time.monotonic() - began < 12
    assert platform.version("accounts_default") == "a2"


def test_a_worker_outlives_no_killed_driver(platform: Platform, exchange: Path) -> None:
    platform.only("accounts")
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    worker = platform.worker("accounts", exchange)
    driver = external(platform, exchange)
    until(lambda: sleeping(platform))
    driver.kill()
    assert worker.wait(30) == 10
    assert not sleeping(platform)


def test_two_drivers_in_one_folder_and_two_plans(platform: Platform, exchange: Path) -> None:
    platform.only("accounts")
    first = external(platform, exchange)
    until(lambda: (exchange / "driver").exists())
    ended = platform.run("upgrade", "--workers", "external", "--exchange", str(exchange))
    assert (ended.code, "another driver works in" in ended.err) == (4, True)
    platform.plan["session"]["lock_timeout_ms"] = 1
    platform.worker("accounts", exchange)
    out, _ = first.communicate(timeout=30)
    assert first.returncode == 2, out
    assert "driver and worker were given different plans" in out


def test_two_drivers_that_start_at_once(platform: Platform, exchange: Path) -> None:
    """One of them works, the other says so and ends; an empty file of a killed one is no obstacle."""
    platform.only("accounts")
    (exchange / "driver").touch()
    drivers = [external(platform, exchange) for _ in range(2)]
    platform.worker("accounts", exchange)
    outs = [driver.communicate(timeout=40) for driver in drivers]
    assert sorted(driver.returncode for driver in drivers) == [0, 4], outs
    assert "another driver works in" in "".join(err for _, err in outs)


def test_the_runner_leaves_nothing_behind(platform: Platform, tmp_path: Path) -> None:
    """No byte code beside it, none of others in its cache, no temporary folder, no password in a file."""
    import shutil

    platform.only("accounts")
    runner = tmp_path / "runner"
    shutil.copytree(
        Path(platform.environ["PYTHONPATH"]) / "genmigrate",
        runner / "genmigrate",
        ignore=shutil.ignore_patterns("__*__"),
    )
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(Path(platform.environ["PYTHONPATH"]) / "genmigrate" / name, runner / "genmigrate")
    before = set(runner.rglob("*"))
    exchange = tmp_path / "seen"
    exchange.mkdir()
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": "", "PYTHONDONTWRITEBYTECODE": ""}
    assert platform.run("upgrade", "--exchange", str(exchange), PYTHONPATH=str(runner), **home).code == 0
    assert set(runner.rglob("*")) == before
    kept = {file.parent.name for file in (tmp_path / "home/.cache/genmigrate").rglob("*.pyc")}
    assert kept == {"genmigrate"}, "all other modules have their byte code where it always is"
    assert not [file for file in tmp_path.iterdir() if file.name.startswith("genmigrate-")]
    platform.add(
        "accounts", "a3", "a2", "leak", "import os\nraise RuntimeError(os.environ['ACCOUNTS_DATABASE_URL'])"
    )
    assert platform.run("upgrade", "--exchange", str(exchange), PYTHONPATH=str(runner)).code == 1
    from urllib.parse import quote

    from tests.postgres import PASSWORD

    everything = b"".join(file.read_bytes() for file in exchange.iterdir()).decode()
    assert PASSWORD not in everything
    assert quote(PASSWORD, safe="") not in everything


def test_the_runner_from_a_mounted_config_map(platform: Platform, tmp_path: Path) -> None:
    """There each file is a link to `..data/FILE`, and `..data` one to a folder with a time in its name."""
    platform.only("accounts")
    mount = tmp_path / "mount" / "genmigrate"
    folder = mount / "..2026_01_31_12_00_00.123"
    folder.mkdir(parents=True)
    (mount / "..data").symlink_to(folder.name)
    for file in (Path(platform.environ["PYTHONPATH"]) / "genmigrate").glob("*.py"):
        (folder / file.name).write_bytes(file.read_bytes())
        (mount / file.name).symlink_to(f"..data/{file.name}")
    note = 'import sys\nassert not [entry for entry in sys.path if "mount" in entry], sys.path'
    platform.add("accounts", "a3", "a2", "look_at_sys_path", note)
    here = ("--workers", "here", "--service", "accounts", "--path", str(platform.root / "accounts"))
    ended = platform.run("upgrade", *here, PYTHONPATH=str(mount.parent), **platform.urls())
    assert ended.code == 0, ended.out


def test_a_worker_that_serves_one_run_ends_with_it(platform: Platform, exchange: Path) -> None:
    """In a pod nobody comes after a driver that ended, or was killed: no worker waits for another."""
    platform.only("accounts", "flows")
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    working, idle = (platform.worker(name, exchange, "--once") for name in ("accounts", "flows"))
    driver = external(platform, exchange)
    until(lambda: sleeping(platform))
    driver.kill()
    assert (working.wait(90), idle.wait(90)) == (10, 10)
    (exchange / "stop").write_text('{"run": "r", "workers": [], "at": 0}')
    began = time.monotonic()
    assert platform.worker("flows", exchange, "--once").wait(10) == 0
    assert time.monotonic() - began < 5


def test_a_worker_that_only_saw_what_a_killed_driver_left(platform: Platform, exchange: Path) -> None:
    """It came between the driver's last beat and its end: in a folder of one run that was its driver."""
    (exchange / "driver").write_text('{"run": "r", "beat": 3}')
    worker = platform.worker("accounts", exchange, "--once")
    _, err = worker.communicate(timeout=40)
    assert (worker.returncode, err) == (10, "accounts: stopped before it was done (terminated)\n")


def test_a_worker_whose_driver_never_comes(platform: Platform, exchange: Path) -> None:
    worker = platform.worker("accounts", exchange, "--driver-timeout", "0.5")
    _, err = worker.communicate(timeout=10)
    assert (worker.returncode, err) == (10, "accounts: no driver came in time\n")


def test_the_tail_of_a_log_shows_the_failure(platform: Platform) -> None:
    """A cluster keeps 2,048 bytes of it: when many lines follow a failure, it is said again."""
    others = [f"t{number}" for number in range(60)]
    platform.plan["tenants"] = ["default", *others]
    platform.only("accounts")
    body = (
        "if op.get_bind().scalar(sa.text('SELECT current_schema()')) == 'accounts_default':\n"
        "    raise RuntimeError('seven')"
    )
    platform.add("accounts", "a3", "a2", "add_seven", body)
    platform.plan["policy"] = {
        "parallelism": 2,
        "canary": [],
        "max_failed_tenants": None,
        "lock_retries": 0,
        "verify": "version",
        "max_downgrade": None,
    }
    ended = platform.run("upgrade")
    failure = "  ✗ accounts_default failed at add_seven: RuntimeError: seven"
    assert ended.code == 1
    assert (ended.lines.count(failure), ended.lines[-2]) == (2, failure)
    assert ended.lines[-1].startswith("61 schemas: 0 up-to-date, 60 applied, 1 failed, 0 skipped")
