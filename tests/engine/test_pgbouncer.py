"""The runner behind a real PgBouncer: a session pool is as good as PostgreSQL itself, any other is refused."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest

from tests.engine.conftest import HINT
from tests.postgres import PASSWORD, UNPRIVILEGED, USER, Server, free_port, new_folder, running
from tests.runner.conftest import Ended, Platform, sample_platform
from tests.runner.test_exchange import SLOW, sleeping, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
#: `options` carries lock_timeout; PgBouncer refuses a connection with it unless it is told to pass it over.
PASSED_OVER = "extra_float_digits, options"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def platform(server: Server, tmp_path: Path) -> Iterator[Platform]:
    made = sample_platform(server, tmp_path)
    for service in made.plan["services"]:
        server.query(f"CREATE DATABASE {service['database']}")
    yield made
    made.stop()


class Bouncer:
    """A PgBouncer in front of a platform's server."""

    def __init__(self, platform: Platform, folder: Path, mode: str, **settings: object) -> None:
        self.platform = platform
        self.port = free_port()
        self.log = folder / "pgbouncer.log"
        to_server = f"host=127.0.0.1 port={platform.server.port} user={USER} password='{_doubled(PASSWORD)}'"
        given = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": mode,
            "ignore_startup_parameters": PASSED_OVER,
            "logfile": self.log,
            **settings,
        }
        lines = ["[databases]", f"* = {to_server}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in given.items()]
        ini = folder / "pgbouncer.ini"
        ini.write_text("\n".join(lines) + "\n", encoding="utf-8")
        who: dict[str, Any] = {}
        if os.geteuid() == 0:  # PgBouncer refuses to be root
            entry = pwd.getpwnam(UNPRIVILEGED)
            who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            folder.chmod(0o711)
            self.log.touch()
            for path in (ini, self.log):
                shutil.chown(path, UNPRIVILEGED)
        self.process = subprocess.Popen([PROGRAM, "-q", ini], cwd=folder, **who)
        until(self.answers, 10)

    def url(self, service: dict[str, Any]) -> str:
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{service['database']}"

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            psycopg.connect(self.url(self.platform.plan["services"][0]), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def environ(self) -> dict[str, str]:
        """What lets every service go through this pooler."""
        return {service["url_env"]: self.url(service) for service in self.platform.plan["services"]}

    def run(self, *arguments: str) -> Ended:
        return self.platform.run(*arguments, **self.environ())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def bouncer(platform: Platform) -> Iterator[Callable[..., Bouncer]]:
    if not Path(PROGRAM).exists():
        pytest.fail(f"pgbouncer is missing; {HINT}", pytrace=False)
    folder = new_folder()
    made: list[Bouncer] = []

    def make(mode: str, **settings: object) -> Bouncer:
        made.append(Bouncer(platform, folder, mode, **settings))
        return made[-1]

    yield make
    for each in made:
        each.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_session_pool_is_as_good_as_the_server(platform: Platform, bouncer: Callable[..., Bouncer]) -> None:
    pool = bouncer("session")
    first = pool.run("upgrade")
    assert (first.code, first.out.count("✓ Applied new migrations to ")) == (0, 5), first.out + first.err
    second = pool.run("upgrade")
    assert (second.code, second.out.count(" already up-to-date")) == (0, 5), second.out + second.err
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert platform.server.query(locks) == [(0,)]


def test_two_runs_through_a_session_pool_apply_each_revision_once(
    platform: Platform, bouncer: Callable[..., Bouncer]
) -> None:
    platform.only("accounts", "flows")
    pool = bouncer("session")
    for service, head in (("accounts", "a2"), ("flows", "f2")):
        platform.add(service, "x3", head, "slow", 'op.execute("SELECT pg_sleep(0.3)")')
    runs = [platform.start("upgrade", **pool.environ()) for _ in range(3)]
    said = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    assert sum(out.count("✓ Applied new migrations to ") for out in said) == 4, said


def test_a_run_through_a_session_pool_can_be_stopped(
    platform: Platform, bouncer: Callable[..., Bouncer]
) -> None:
    platform.only("accounts")
    pool = bouncer("session")
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    driver = platform.start("upgrade", **pool.environ())
    until(lambda: sleeping(platform))
    began = time.monotonic()
    driver.terminate()
    out, _ = driver.communicate(timeout=30)
    assert (driver.returncode, time.monotonic() - began < 12) == (10, True), out
    until(lambda: not sleeping(platform), 3)
    assert platform.version("accounts_default") == "a2"


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_another_pool_is_refused_and_nothing_is_touched(
    platform: Platform, bouncer: Callable[..., Bouncer], mode: str
) -> None:
    pool = bouncer(mode)
    began = time.monotonic()
    ended = pool.run("upgrade")
    assert ended.code == 2, ended.out + ended.err
    assert "  ✗ accounts pooled: " in ended.out
    assert time.monotonic() - began < 10
    for service in platform.plan["services"]:
        tables = "SELECT count(*) FROM pg_class WHERE relnamespace > 16383 AND relkind = 'r'"
        assert platform.query(service["name"], tables) == [(0,)]


def test_a_pool_of_one_connection_in_transaction_mode_is_refused_too(
    platform: Platform, bouncer: Callable[..., Bouncer]
) -> None:
    """Who asks a second session while a first is inside a transaction would wait here."""
    ended = bouncer("transaction", default_pool_size=1).run("upgrade", "--timeout", "5")
    assert (ended.code, "  ✗ accounts pooled: " in ended.out) == (2, True), ended.out + ended.err


def test_a_pool_that_refuses_our_options_says_so_at_once(
    platform: Platform, bouncer: Callable[..., Bouncer]
) -> None:
    """PgBouncer's own default: waiting would not cure it."""
    began = time.monotonic()
    ended = bouncer("session", ignore_startup_parameters="extra_float_digits").run(
        "upgrade", "--timeout", "30"
    )
    assert (ended.code, time.monotonic() - began < 10) == (2, True), ended.out + ended.err
    assert "ignore_startup_parameters" in ended.out


def test_looking_through_a_transaction_pool_is_no_harm(
    platform: Platform, bouncer: Callable[..., Bouncer]
) -> None:
    assert platform.run("upgrade").code == 0
    ended = bouncer("transaction").run("status")
    assert ended.code == 0, ended.out + ended.err


def _doubled(text: str) -> str:
    return text.replace("'", "''")
