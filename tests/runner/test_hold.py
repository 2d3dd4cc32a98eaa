"""What ties env.py's own connection and modules to one run and one schema."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from genmigrate.lock import key_of

from .test_exchange import SLOW, _children, _command, sleeping, until

if TYPE_CHECKING:
    from .conftest import Platform

ASYNC = """
import asyncio, os
import sqlalchemy as sa
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine


def work(connection):
    connection.execute(sa.text(f'SET search_path TO "{os.environ["ALEMBIC_SCHEMA"]}"'))
    connection.commit()
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def main():
    engine = create_async_engine(os.environ["ACCOUNTS_DATABASE_URL"])
    async with engine.connect() as connection:
        await connection.run_sync(work)
    await engine.dispose()


asyncio.run(main())
"""
BLOCK = "with op.get_context().autocommit_block():\n"


def env(platform: Platform, old: str, new: str, service: str = "accounts") -> None:
    """Change a service's env.py."""
    file = platform.root / service / "migrations" / "env.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def kill_worker(driver: int) -> None:
    (worker,) = [int(pid) for pid in _children(driver) if "worker" in _command(int(pid))]
    os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("service", ["accounts", "flows"])
def test_a_killed_worker_s_statement_is_not_overtaken(platform: Platform, service: str) -> None:
    """Its session goes on for a while; a second run neither joins it nor applies the revision twice."""
    platform.only(service)
    platform.plan["tenants"] = ["default"]
    assert platform.run("upgrade").code == 0
    schema, head = f"{service}_default", platform.version(f"{service}_default")
    platform.query(service, f"CREATE TABLE {schema}.ran (t timestamptz)")
    platform.add(
        service, "x3", head, "slow", f'{BLOCK}    op.execute("INSERT INTO ran SELECT now() FROM pg_sleep(4)")'
    )
    driver = platform.start("upgrade")
    until(lambda: sleeping(platform, service))
    kill_worker(driver.pid)
    driver.communicate(timeout=30)
    ended = platform.run("upgrade", "--timeout", "20")
    assert (ended.code, f"  ✗ {schema} dirty: " in ended.out) == (9, True), ended.out
    platform.query(service, f"DELETE FROM genmigrate.unfinished WHERE schema = '{schema}'")
    assert platform.run("upgrade").code == 0
    time.sleep(1)
    assert platform.query(service, f"SELECT count(*) FROM {schema}.ran") == [(1,)]
    assert not sleeping(platform, service)


def test_statements_of_another_run_are_waited_for(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    url = platform.server.url(platform.service("accounts")["database"])
    with psycopg.connect(url, application_name="orphan") as orphan:
        orphan.execute("SELECT pg_advisory_lock(%s)", [key_of("statements in accounts_default")])
        ended = platform.run("upgrade", "--timeout", "0.5")
        pid = orphan.info.backend_pid
    assert ended.code == 4
    assert (
        f"accounts_default locked: accounts_default is being migrated by pid {pid} (orphan)" in ended.lines[1]
    )
    assert platform.query("accounts", "SELECT to_regclass('accounts_default.alembic_version')") == [(None,)]
    assert platform.run("upgrade").code == 0


def test_a_lost_lock_ends_the_run_before_the_next_revision(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.add("accounts", "a3", "a2", "slow", 'op.execute("SELECT pg_sleep(2)")')
    platform.add("accounts", "a4", "a3", "after")
    driver = platform.start("upgrade")
    until(lambda: sleeping(platform))
    holder = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND ((classid::bigint << 32) "
    holder += f"| objid::bigint) = {key_of('accounts_default')}"
    assert platform.query("accounts", holder) == [(True,)]
    out, _ = driver.communicate(timeout=30)
    assert driver.returncode == 3, out
    assert "accounts_default unreachable at slow: the session that holds its lock was cut" in out
    assert platform.version("accounts_default") == "a3"


def test_a_server_that_restarts_in_the_middle(platform: Platform) -> None:
    platform.only("flows")
    platform.add("flows", "x3", "f2", "slow", SLOW)
    driver = platform.start("upgrade")
    until(lambda: sleeping(platform, "flows"))
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    platform.query("flows", f"{cut}pg_backend_pid()")
    out, _ = driver.communicate(timeout=30)
    assert driver.returncode == 3, out
    assert "  ✗ flows_default unreachable at slow: " in out


@pytest.mark.parametrize("way", ["url", "connect_args"])
def test_a_connection_with_another_name_and_limits_is_cancelled_and_limited(
    platform: Platform, way: str
) -> None:
    platform.only("accounts")
    platform.plan["session"]["lock_timeout_ms"] = 1234
    url = platform.server.url(platform.service("accounts")["database"])
    if way == "url":
        url += "?application_name=mine&options=-c%20lock_timeout%3D0"
    else:
        given = "connect_args={'application_name': 'mine', 'options': '-c lock_timeout=0'}"
        env(platform, "poolclass=sa.NullPool", f"poolclass=sa.NullPool, {given}")
    body = f'{BLOCK}    assert op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar() == "1234ms"\n    {SLOW}'
    platform.add("accounts", "a3", "a2", "slow", body)
    driver = platform.start("upgrade", ACCOUNTS_DATABASE_URL=url)
    until(lambda: sleeping(platform))
    began = time.monotonic()
    driver.send_signal(signal.SIGINT)
    out, _ = driver.communicate(timeout=30)
    assert (driver.returncode, time.monotonic() - began < 7) == (130, True), out
    assert "  ✗ accounts_default interrupted at slow: " in out
    assert not sleeping(platform)


@pytest.mark.parametrize(
    "keep",
    [
        'SCHEMA = os.environ["ALEMBIC_SCHEMA"]\ndef schema(): return SCHEMA',
        '@functools.cache\ndef schema(): return os.environ["ALEMBIC_SCHEMA"]',
        'class Settings: pass\nheld = Settings()\nheld.name = os.environ["ALEMBIC_SCHEMA"]\n'
        "def schema(): return held.name",
        "class Settings: pass\nheld = Settings()\nheld.database = Settings()\n"
        'held.database.places = [{"schema": os.environ["ALEMBIC_SCHEMA"]}]\n'
        'def schema(): return held.database.places[0]["schema"]',
    ],
)
def test_nothing_of_one_tenant_survives_into_the_next(platform: Platform, keep: str) -> None:
    """A module that kept the schema, a changed working directory, a changed environment."""
    platform.only("accounts")
    platform.policy(parallelism=1)
    (platform.root / "accounts" / "kept.py").write_text(f"import functools, os\n{keep}\n")
    env(platform, "import sqlalchemy as sa\n", "import sqlalchemy as sa\nimport kept\nprint(kept.schema())\n")
    env(
        platform,
        "schema = os",
        "assert 'SEEN' not in os.environ\nos.environ['SEEN'] = '1'\nos.chdir('/')\nschema = os",
    )
    file = platform.add("accounts", "a3", "a2", "by_name", 'op.execute(f"CREATE TABLE {NAME}.named (i int)")')
    file.write_text(f"import kept\nNAME = kept.schema()\n{file.read_text()}")
    ended = platform.run("upgrade")
    assert ended.code == 0, ended.out
    for tenant in ("default", "to_shiba"):
        (found,) = platform.query("accounts", f"SELECT to_regclass('accounts_{tenant}.named')::text")
        assert found[0] == f"accounts_{tenant}.named"


def test_a_module_that_keeps_no_schema_is_loaded_once(platform: Platform) -> None:
    """Some can be loaded only once in a process: they register tables, metrics, handlers."""
    platform.only("accounts")
    once = "import builtins\nassert not hasattr(builtins, 'loaded')\nbuiltins.loaded = True\n"
    (platform.root / "accounts" / "once.py").write_text(once)
    env(platform, "import sqlalchemy as sa\n", "import sqlalchemy as sa\nimport once\n")
    assert platform.run("upgrade").code == 0


def test_env_py_in_another_database_touches_nothing(platform: Platform) -> None:
    platform.only("accounts", "flows")
    for name in ("accounts", "flows"):
        platform.server.query(f"CREATE DATABASE {platform.service(name)['database']}")
    platform.query("flows", "CREATE SCHEMA accounts_default")
    other = platform.service("flows")["database"]
    env(platform, "poolclass", f"connect_args={{'dbname': {other!r}}}, poolclass")
    ended = platform.run("upgrade", "--service", "accounts")
    assert ended.code == 1
    assert ended.lines[1] == (
        f"  ✗ accounts_default failed at env.py: env.py is connected to database {other} of another place "
        "than ACCOUNTS_DATABASE_URL names"
    )
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'accounts_default'::regnamespace"
    assert platform.query("flows", tables) == []


def test_a_connection_that_commits_each_statement_is_refused(platform: Platform) -> None:
    platform.only("accounts", "flows")
    for name in ("accounts", "flows"):
        env(platform, "poolclass", "isolation_level='AUTOCOMMIT', poolclass", name)
        ended = platform.run("upgrade", "--service", name)
        assert (ended.code, "commits each statement (AUTOCOMMIT)" in ended.lines[1]) == (1, True)
        assert platform.query(name, f"SELECT to_regclass('{name}_default.{name}')") == [(None,)]


def test_a_half_applied_autocommit_block_is_told(platform: Platform) -> None:
    platform.only("accounts")
    platform.add(
        "accounts",
        "a3",
        "a2",
        "half",
        f'{BLOCK}    op.execute("CREATE TABLE h (i int)")\nraise ValueError("no")',
    )
    ended = platform.run("upgrade")
    assert ended.code == 1
    assert (
        "    → part of it was committed in its autocommit block: look at the schema before it runs again"
        in ended.lines
    )


def test_a_second_schema_in_the_search_path_is_refused(platform: Platform) -> None:
    platform.only("accounts")
    path = """'SET search_path TO "{schema}"'))\n        connection.commit"""
    env(platform, path, path.replace('}"', '}", public'))
    ended = platform.run("upgrade")
    assert ended.code == 1
    assert "env.py works in schema accounts_default, public, not in accounts_default" in ended.lines[1]


def test_a_forced_end_names_tenant_and_revision(platform: Platform) -> None:
    platform.only("accounts")
    body = "import time, pathlib\npathlib.Path('deaf').touch()\ntime.sleep(60)"
    platform.add("accounts", "a3", "a2", "deaf", body)
    driver = platform.start("upgrade")
    until((platform.root / "accounts" / "deaf").exists)
    driver.terminate()
    out, _ = driver.communicate(timeout=30)
    assert driver.returncode == 10
    assert "  ✗ accounts_default terminated at deaf: " in out


def test_refusals_by_the_database_have_their_own_codes(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    assert platform.run("upgrade").code == 0
    file = platform.add(
        "accounts",
        "a3",
        "a2",
        "denied",
        """op.execute("SET LOCAL ROLE pg_monitor; DROP TABLE accounts_default.accounts")""",
    )
    ended = platform.run("upgrade")
    assert (ended.code, "  ✗ accounts_default no-right at denied: " in ended.out) == (9, True), ended.out
    file.write_text(file.read_text().replace("ROLE pg_monitor", "transaction_read_only = on"))
    ended = platform.run("upgrade")
    assert (ended.code, "  ✗ accounts_default read-only at denied: " in ended.out) == (9, True), ended.out
    assert platform.version("accounts_default") == "a2"


def test_an_env_py_on_an_async_engine(platform: Platform) -> None:
    platform.only("accounts")
    (platform.root / "accounts" / "migrations" / "env.py").write_text(ASYNC)
    url = platform.server.url(platform.service("accounts")["database"], scheme="postgresql+psycopg_async")
    ended = platform.run("upgrade", ACCOUNTS_DATABASE_URL=url)
    assert (ended.code, ended.out.count("(create_accounts, add_email)")) == (0, 2), ended.out
    platform.add(
        "accounts",
        "a3",
        "a2",
        "add_x",
        f'{BLOCK}    op.execute("CREATE INDEX CONCURRENTLY ON accounts (email)")',
    )
    assert platform.run("upgrade", ACCOUNTS_DATABASE_URL=url).code == 0
    assert platform.query("accounts", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]


def test_an_engine_that_keeps_its_connection_keeps_no_lock(platform: Platform) -> None:
    """The first tenant's connection is used for the second; nobody has to wait for the first any more."""
    platform.only("accounts")
    (platform.root / "accounts" / "pooled.py").write_text(
        "import os\nimport sqlalchemy as sa\n"
        "url = sa.make_url(os.environ['ACCOUNTS_DATABASE_URL']).set(drivername='postgresql+psycopg')\n"
        "engine = sa.create_engine(url)\n"
    )
    env(platform, "engine = sa.create_engine(url, poolclass=sa.NullPool)", "from pooled import engine")
    key = key_of("statements in accounts_default")
    count = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND ((classid::bigint << 32) | objid::bigint)"
    body = (
        f'found = op.get_bind().exec_driver_sql("{count} = {key}").scalar()\n'
        'assert found == (context.get_context().version_table_schema == "accounts_default")'
    )
    platform.add("accounts", "a3", "a2", "look", body)
    ended = platform.run("upgrade")
    assert ended.code == 0, ended.out


def test_a_full_disk_behind_stdout_stops_nothing(platform: Platform) -> None:
    platform.only("accounts")
    command = platform.command("upgrade", "--plan", str(platform.plan_file), "--root", str(platform.root))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, env=platform.environ, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert platform.version("accounts_default") == "a2"


def test_options_of_the_environment_do_not_grow() -> None:
    """`wait --at-least` opens a session at each look; the server refuses options that are too long."""
    from genmigrate import session

    before = dict(os.environ)
    try:
        for _ in range(3):
            session.limit_sessions(1, 2, "x")
        assert os.environ["PGOPTIONS"].count("lock_timeout") == 1
    finally:
        os.environ.clear()
        os.environ.update(before)
