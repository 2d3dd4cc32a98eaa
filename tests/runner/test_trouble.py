"""A server that does not serve, schemas in every state: the word, the exit code, and what comes of the run."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError, PendingRollbackError

from genmigrate.session import word_of
from tests.postgres import SETTINGS, Server, free_port, new_folder

from .test_exchange import sleeping, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Ended, Platform

pytestmark = pytest.mark.minutes

ROOM = 12  # connections of the small server, three of them reserved for superusers


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """A server of its own, for what would disturb the others."""
    folder = new_folder()
    small = Server(folder, {**SETTINGS, "max_connections": str(ROOM), "hot_standby": "on"})
    small.start()
    yield small
    small.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def there(platform: Platform, small: Server) -> Iterator[Platform]:
    """The accounts service alone, its database on the small server, owned by a role that is no superuser."""
    platform.only("accounts")
    platform.server = small
    database = platform.service("accounts")["database"]
    small.query(f"CREATE ROLE {database} LOGIN PASSWORD 'pw'")
    small.query(f"CREATE DATABASE {database} OWNER {database}")
    url = f"postgresql://{database}:pw@127.0.0.1:{small.port}/{database}"
    platform.environ["ACCOUNTS_DATABASE_URL"] = url
    yield platform
    platform.stop()
    small.query(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


def first(ended: Ended) -> str:
    return next(line for line in ended.lines if line.startswith("  ✗"))


def restart(server: Server, wait: bool = True, **settings: str) -> None:
    """Stop a server and start it with other settings; in the background when nobody gets in."""
    if server.running():
        server.stop(signal.SIGINT)
    server.settings = {**server.settings, **settings}
    if wait:
        return server.start()

    def start() -> None:
        with contextlib.suppress(RuntimeError, OSError):  # it gives up waiting for an answer
            server.start()

    threading.Thread(target=start, daemon=True).start()
    until(server.running)
    return None


def test_a_standby_and_a_server_that_starts_up(there: Platform, small: Server) -> None:
    """A standby is read but not written; what does not accept connections yet (57P03) is waited for."""
    assert there.run("upgrade", "--tenant", "default").code == 0
    mark = small.folder / "data" / "standby.signal"
    mark.touch()
    restart(small)
    ended = there.run("upgrade", "--timeout", "30")
    place = f"PostgreSQL at 127.0.0.1:{small.port}"
    assert (ended.code, first(ended)) == (3, f"  ✗ accounts standby: {place} is a standby")
    assert there.run("status").lines[1].split()[1:3] == ["accounts_default", "up-to-date"]
    assert there.run("wait", "--at-least", "--tenant", "default", "--timeout", "0").code == 0
    restart(small, wait=False, hot_standby="off")
    ended = there.run("upgrade", "--timeout", "0.5")
    assert (ended.code, ended.err.count("waiting for PostgreSQL")) == (3, 1)
    assert first(ended).startswith(
        f"  ✗ accounts unreachable: {place} does not answer: the database system is "
    )
    runner = there.start("upgrade", "--timeout", "30")
    assert runner.stderr is not None
    assert runner.stderr.readline().startswith(f"waiting for {place}: the database system is ")
    small.stop(signal.SIGINT)
    mark.unlink()
    restart(small, hot_standby="on")
    out, _ = runner.communicate(timeout=60)
    assert (runner.returncode, "Applied new migrations to accounts_to_shiba" in out) == (0, True), out


def test_what_waiting_does_not_cure_fails_at_once(there: Platform, small: Server) -> None:
    """A wrong password, a server that wants TLS and has none, a client that wants TLS: each its own word."""
    url = there.environ["ACCOUNTS_DATABASE_URL"]
    rules = small.folder / "data" / "pg_hba.conf"
    kept = rules.read_text()
    rules.write_text("hostssl all all 127.0.0.1/32 trust\nhost postgres all 127.0.0.1/32 scram-sha-256\n")
    small.query("SELECT pg_reload_conf()")
    try:
        until(lambda: there.run("wait", "--timeout", "0").code == 3)
        wants = there.run("upgrade", "--timeout", "60")
    finally:
        rules.write_text(kept)
        small.query("SELECT pg_reload_conf()")
    until(lambda: there.run("wait", "--timeout", "0").code == 0)
    offers = there.run("upgrade", "--timeout", "60", ACCOUNTS_DATABASE_URL=f"{url}?sslmode=require")
    wrong = there.run("upgrade", "--timeout", "60", ACCOUNTS_DATABASE_URL=url.replace(":pw@", ":no@"))
    for ended, word, way_out in (
        (wants, "no-tls", "TLS"),
        (offers, "no-tls", "TLS"),
        (wrong, "wrong-password", ""),
    ):
        assert ended.code == 3
        assert first(ended).startswith(f"  ✗ accounts {word}: "), ended
        assert way_out in ended.lines[2]
        assert (ended.err, float(ended.lines[-1].rpartition(", ")[2].split()[0]) < 2) == ("", True)


def test_too_many_connections_from_the_start_and_in_the_middle(there: Platform, small: Server) -> None:
    """The preflight leaves two free and says so; a hand that gets no connection is one less, and the run ends well."""
    url = there.environ["ACCOUNTS_DATABASE_URL"]
    there.plan["tenants"] = ["one", "two"]
    there.plan["policy"]["parallelism"] = 6
    alone = 'assert op.get_bind().exec_driver_sql("SELECT pg_try_advisory_xact_lock(7)").scalar()\n'
    sleep = "SELECT pg_sleep(CASE current_schema() WHEN 'accounts_one' THEN 3.5 ELSE 0 END)"
    there.add("accounts", "a3", "a2", "alone", f'{alone}op.execute("{sleep}")')
    with contextlib.ExitStack() as others:
        for _ in range(ROOM - 3 - 4):  # the runner's own session, one hand, and two that are left free
            others.enter_context(psycopg.connect(url))
        ended = there.run("upgrade")
    assert (ended.code, ended.out.count("Applied")) == (0, 2), ended
    assert ended.err == "accounts: 1 at once, not 6: the server has no more free connections\n"
    there.add("accounts", "a4", "a3", "slow", 'op.execute("SELECT pg_sleep(2.5)")')
    there.plan["policy"]["parallelism"] = 2
    there.plan["session"]["lock_timeout_ms"] = 0
    with contextlib.ExitStack() as others:
        runner = there.start("upgrade")
        until(lambda: sleeping(there))
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                others.enter_context(psycopg.connect(url))
        out, err = runner.communicate(timeout=60)
    assert (runner.returncode, out.count("Applied")) == (0, 2), (out, err)
    assert "too many connections: going on with 1 at once" in err


@pytest.mark.parametrize("whose", ["runner", "env.py"])
def test_a_session_that_is_cut(platform: Platform, whose: str) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.add(
        "accounts",
        "a3",
        "a2",
        "slow",
        'op.execute("CREATE TABLE t (i int)")\nop.execute("SELECT pg_sleep(3)")',
    )
    runner = platform.start("upgrade")
    found = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%genmigrate%' "
        f"AND {'' if whose == 'env.py' else 'NOT'} query LIKE '%pg_sleep%'"
    )
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(3)%'"
    until(lambda: platform.server.query(sleeping) and platform.query("accounts", found))
    assert platform.query("accounts", f"SELECT pg_terminate_backend(pid) FROM ({found}) x")
    out, err = runner.communicate(timeout=60)
    assert (runner.returncode, "  ✗ accounts_default unreachable at slow: " in out) == (3, True), (out, err)
    ended = platform.run("upgrade", "--timeout", "20")
    assert ended.code == 0, ended
    assert platform.query("accounts", "SELECT count(*) FROM accounts_default.t") == [(0,)]


@pytest.mark.parametrize("tenant", ['a"b', "tokyo-東", "t" * 64, "t" * 63, "a'; DROP SCHEMA public; --"])
def test_names_that_are_refused_before_any_connection(platform: Platform, tenant: str) -> None:
    """Nobody listens where the URL points to, and the runner would wait for a minute."""
    platform.only("accounts")
    platform.plan["tenants"] = [tenant]
    url = platform.urls()["ACCOUNTS_DATABASE_URL"].replace(str(platform.server.port), str(free_port()))
    ended = platform.run("upgrade", "--timeout", "60", ACCOUNTS_DATABASE_URL=url)
    assert (ended.code, ended.out, "plan.json: " in ended.err, "waiting" in ended.err) == (2, "", True, False)


#: Each state of a schema: the word of `status` and of `upgrade`, its code, and the word and code of `wait --at-least`.
STATES = {
    "head": ("up-to-date", 0, "", 0),
    "behind": ("pending", 0, "behind", 7),
    "missing": ("missing-schema", 0, "behind", 7),
    "empty": ("pending", 0, "behind", 7),
    "newer": ("ahead", 5, "", 0),
    "foreign": ("unknown-revision", 5, "unknown-revision", 5),
    "populated": ("unversioned", 9, "unversioned", 9),
    "unstamped": ("unstamped", 9, "unstamped", 9),
}


def test_the_state_of_each_schema(platform: Platform) -> None:
    """All states at once: the runner does what can be done, names the rest, and stamps nothing."""
    platform.only("accounts")
    platform.plan["tenants"] = ["newer", "head", "behind", "foreign", "unstamped", "populated"]
    newer = platform.add("accounts", "a3", "a2", "newer")
    assert platform.run("upgrade", "--tenant", "newer").code == 0
    newer.unlink()
    assert platform.run("upgrade", "--tenant", "head", "behind", "foreign", "unstamped").code == 0
    platform.plan["tenants"] = list(STATES)
    platform.plan["policy"]["max_failed_tenants"] = None
    for statement in (
        "DELETE FROM accounts_unstamped.alembic_version",
        "UPDATE accounts_behind.alembic_version SET version_num = 'a1'",
        "ALTER TABLE accounts_behind.accounts DROP COLUMN email",
        "UPDATE accounts_foreign.alembic_version SET version_num = 'zzz'",
        "CREATE SCHEMA accounts_empty",
        "CREATE SCHEMA accounts_populated CREATE TABLE mine (i int)",
    ):
        platform.query("accounts", statement)
    status = platform.run("status", "--json")
    (service,) = json.loads(status.out)["services"]
    found = {schema["tenant"]: schema for schema in service["schemas"]}
    assert {tenant: schema["state"] for tenant, schema in found.items()} == {
        tenant: word for tenant, (word, *_) in STATES.items()
    }
    assert all(bool(found[tenant]["way_out"]) == bool(code) for tenant, (_, code, *_) in STATES.items())
    assert status.code == 9
    gate = platform.run("wait", "--at-least", "--timeout", "0")
    told = dict(
        line.removeprefix("  ✗ accounts_").split(":")[0].split() for line in gate.lines if "✗" in line
    )
    assert told == {tenant: word for tenant, (*_, word, code) in STATES.items() if code}
    for tenant in ("newer", "foreign", "behind"):
        ended = platform.run("wait", "--at-least", "--timeout", "0", "--tenant", tenant)
        assert ended.code == STATES[tenant][3], ended
    ended = platform.run("upgrade")
    failed = dict(
        line.removeprefix("  ✗ accounts_").split(":")[0].split() for line in ended.lines if "✗" in line
    )
    assert failed == {tenant: word for tenant, (word, code, *_) in STATES.items() if code}
    assert (ended.code, ended.out.count("Applied new migrations")) == (9, 3)
    assert platform.version("accounts_foreign") == "zzz"
    assert platform.query("accounts", "SELECT to_regclass('accounts_populated.alembic_version')") == [(None,)]


@pytest.mark.parametrize(
    ("trouble", "word", "code", "gate"),
    [
        ("no database", "missing-database", 8, 8),
        ("no right to create", "no-right", 9, 7),
        ("no right to read", "no-right", 9, 9),
        ("two heads", "several-heads", 9, 9),
        ("no parent", "broken-history", 9, 9),
    ],
)
def test_what_concerns_the_whole_service(
    there: Platform, trouble: str, word: str, code: int, gate: int
) -> None:
    there.plan["tenants"] = ["one"]
    database = there.service("accounts")["database"]
    if trouble == "no database":
        there.plan["create_databases"] = False
        there.server.query(f"DROP DATABASE {database}")
    elif trouble == "no right to create":
        there.server.query(f"ALTER DATABASE {database} OWNER TO postgres")
    elif trouble == "no right to read":
        there.query("accounts", "CREATE SCHEMA accounts_one CREATE TABLE alembic_version (version_num text)")
    else:
        there.add("accounts", "b2", "a1" if trouble == "two heads" else "zzz", "stray")
    ended = there.run("upgrade")
    assert (ended.code, f" {word}: " in ended.lines[1], ended.lines[2][:6]) == (code, True, "    → "), ended
    ended = there.run("wait", "--at-least", "--timeout", "0")
    assert (ended.code, f" {'behind' if gate == 7 else word}: " in ended.out) == (gate, True), ended


def test_what_sqlalchemy_says_of_a_connection_that_was_lost_before(platform: Platform) -> None:
    """By then the driver's own error is gone, as behind an env.py that asks again."""
    url = make_url(platform.server.url()).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.connect() as connection:
        (pid,) = connection.execute(text("SELECT pg_backend_pid()")).one()
        platform.server.query(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(OperationalError) as first:
            connection.execute(text("SELECT 1"))
        with pytest.raises(PendingRollbackError) as second:
            connection.execute(text("SELECT 1"))
    engine.dispose()
    assert [word_of(error.value) for error in (first, second)] == ["unreachable", "unreachable"]
