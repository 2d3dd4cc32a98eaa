"""What the runner does, on each version of PostgreSQL that is to be had."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.engine.conftest import HINT
from tests.postgres import Server, new_folder
from tests.runner.conftest import sample_platform
from tests.runner.test_exchange import SLOW, sleeping, until
from tests.runner.test_hold import kill_worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.runner.conftest import Platform

VERSIONS = ("15", "16", "18")
BLOCK = "with op.get_context().autocommit_block():\n"
LOCKS = (
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
    "WHERE locktype = 'advisory' AND datname = current_database()"
)


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    folder = new_folder()
    try:
        try:
            server = Server(folder, major=request.param)
        except RuntimeError as error:
            pytest.fail(f"{error}; {HINT}", pytrace=False)
        server.start()
        assert server.query("SHOW server_version")[0][0].startswith(f"{request.param}.")
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def platform(server: Server, tmp_path: Path) -> Iterator[Platform]:
    made = sample_platform(server, tmp_path)
    yield made
    made.stop()


def test_a_first_run_and_one_with_nothing_to_do(platform: Platform) -> None:
    first = platform.run("upgrade")
    assert (first.code, first.out.count("✓ Applied new migrations to ")) == (0, 5), first.out + first.err
    second = platform.run("upgrade")
    assert (second.code, second.out.count(" already up-to-date")) == (0, 5), second.out + second.err
    assert platform.version("accounts_default") == platform.version("accounts_to_shiba") == "a2"
    assert platform.run("status").code == 0


@pytest.mark.parametrize("service", ["accounts", "flows"])
def test_a_failing_tenant_is_named_and_nothing_of_it_stays(platform: Platform, service: str) -> None:
    platform.only(service)
    assert platform.run("upgrade").code == 0
    head = platform.version(f"{service}_default")
    body = (
        'op.execute("CREATE TABLE gone (i int)")\n'
        f"op.execute(\"SELECT 1 / (current_schema() <> '{service}_default')::int\")"
    )
    platform.add(service, "x3", head, "divide", body)
    ended = platform.run("upgrade")
    assert ended.code == 1, ended.out
    assert f"  ✗ {service}_default failed at divide: division by zero (SQLSTATE 22012)" in ended.out
    assert platform.version(f"{service}_default") == head
    assert platform.query(service, f"SELECT to_regclass('{service}_default.gone')") == [(None,)]


@pytest.mark.parametrize("service", ["accounts", "flows"])
def test_a_killed_worker_is_followed_by_a_run_that_finishes(platform: Platform, service: str) -> None:
    platform.only(service)
    assert platform.run("upgrade").code == 0
    head = platform.version(f"{service}_default")
    file = platform.add(service, "x3", head, "slow", f'{SLOW}\nop.execute("CREATE TABLE once (i int)")')
    driver = platform.start("upgrade")
    until(lambda: sleeping(platform, service))
    kill_worker(driver.pid)
    driver.communicate(timeout=30)
    assert driver.returncode == 10
    until(lambda: platform.query(service, LOCKS) == [(0,)], 3)
    assert platform.version(f"{service}_default") == head
    file.write_text(file.read_text().replace(SLOW, "pass"))
    ended = platform.run("upgrade")
    assert (ended.code, ended.out.count("(slow)")) == (0, 2), ended.out


@pytest.mark.parametrize("service", ["accounts", "flows"])
def test_an_index_is_made_concurrently(platform: Platform, service: str) -> None:
    platform.only(service)
    assert platform.run("upgrade").code == 0
    head = platform.version(f"{service}_default")
    platform.add(
        service,
        "x3",
        head,
        "index",
        f'{BLOCK}    op.execute("CREATE INDEX CONCURRENTLY fast ON {service} (id)")',
    )
    ended = platform.run("upgrade")
    assert (ended.code, ended.out.count("(index)")) == (0, 2), ended.out + ended.err
    valid = (
        "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE relname = 'fast' AND indisvalid"
    )
    assert platform.query(service, valid) == [(2,)]


def test_a_kill_inside_an_autocommit_block_is_told_and_not_repeated(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    assert platform.run("upgrade").code == 0
    platform.query("accounts", "CREATE TABLE accounts_default.ran (i int)")
    body = f'{BLOCK}    op.execute("INSERT INTO ran VALUES (1)")\n    {SLOW}'
    platform.add("accounts", "x3", "a2", "half", body)
    driver = platform.start("upgrade")
    until(lambda: sleeping(platform))
    kill_worker(driver.pid)
    driver.communicate(timeout=30)
    until(lambda: platform.query("accounts", LOCKS) == [(0,)], 3)
    ended = platform.run("upgrade")
    assert (ended.code, "  ✗ accounts_default dirty" in ended.out) == (9, True), ended.out
    assert platform.query("accounts", "SELECT count(*) FROM accounts_default.ran") == [(1,)]
