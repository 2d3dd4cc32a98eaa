"""Each state that a database or a history can be in: its word, its exit code, its way out; nothing is touched."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
import pytest

from genmigrate.lock import key_of
from tests.postgres import PASSWORD, free_port

if TYPE_CHECKING:
    from .conftest import Platform


def test_unknown_revision_after_a_branch_switch(platform: Platform) -> None:
    platform.only("accounts", "intake")
    file = platform.add("accounts", "a3", "a2", "add_user_avatar")
    assert platform.run("upgrade", "--tenant", "default").code == 0
    file.unlink()
    ended = platform.run("upgrade")
    assert ended.code == 5
    assert ended.lines[1:5] == [
        "  ✗ accounts_default ahead: "
        "schema accounts_default is at add_user_avatar, newer than this image's add_email",
        "    → check out the branch that has it, or wipe the local database: npm run dev:death",
        "  – accounts_to_shiba skipped, nothing applied yet",
        "  – intake not started: intake skipped",
    ]
    assert platform.query("accounts", "SELECT to_regnamespace('accounts_to_shiba')") == [(None,)]
    platform.plan["environment"] = "staging"
    assert "npm" not in platform.run("upgrade").out
    status = platform.run("status", "--service", "accounts")
    assert status.code == 5
    assert "accounts_default   ahead           a3" in status.out


def test_populated_schema_without_a_version(platform: Platform) -> None:
    platform.only("accounts")
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    platform.query(
        "accounts", "CREATE SCHEMA accounts_default CREATE TABLE accounts (i int) CREATE VIEW v AS SELECT 1"
    )
    ended = platform.run("upgrade")
    assert ended.code == 9
    assert ended.lines[1:3] == [
        "  ✗ accounts_default unversioned: schema accounts_default holds 2 tables but no alembic_version",
        "    → if these tables are a known revision, record it in the service's folder: "
        "ALEMBIC_SCHEMA=accounts_default alembic -c alembic.ini stamp REVISION",
    ]
    platform.query("accounts", "CREATE TABLE accounts_default.alembic_version (version_num varchar(32))")
    ended = platform.run("upgrade")
    assert ended.code == 9
    assert ended.lines[1].startswith("  ✗ accounts_default unstamped: ")
    assert platform.query("accounts", "SELECT to_regnamespace('accounts_to_shiba')") == [(None,)]


def test_several_heads_and_broken_histories(platform: Platform) -> None:
    platform.only("accounts")
    second = platform.add("accounts", "b2", "a1", "add_phone")
    ended = platform.run("upgrade")
    assert ended.code == 9
    assert ended.lines[1:3] == [
        "  ✗ accounts several-heads: 2 heads: a2_add_email.py and b2_add_phone.py",
        "    → join them in the service's folder: alembic -c alembic.ini merge -m merge_heads heads",
    ]
    second.unlink()
    lost = platform.add("accounts", "a3", "zz", "lost")
    ended = platform.run("upgrade")
    assert (ended.code, ended.lines[1]) == (
        9,
        "  ✗ accounts broken-history: a3_lost.py follows revision zz, which no file has",
    )
    lost.unlink()
    platform.add("accounts", "a2", "a1", "twice")
    ended = platform.run("status")
    assert ended.code == 9
    assert "revision a2 is in two files: a2_add_email.py and a2_twice.py" in ended.out
    missing = "SELECT count(*) FROM pg_database WHERE datname = '{}'".format(
        platform.service("accounts")["database"]
    )
    assert platform.server.query(missing) == [(0,)]


def test_a_merge_of_two_branches_is_one_head(platform: Platform) -> None:
    platform.only("accounts")
    platform.add("accounts", "b2", "a1", "add_phone")
    platform.add("accounts", "m3", ("a2", "b2"), "merge")
    ended = platform.run("upgrade")
    assert (ended.code, platform.version("accounts_default")) == (0, "m3")
    assert platform.run("status").out.count("up-to-date  merge") == 2


def test_missing_database(platform: Platform) -> None:
    platform.only("accounts")
    database = platform.service("accounts")["database"]
    platform.plan["create_databases"] = False
    for command in ("upgrade", "status", "wait", "sql"):
        ended = platform.run(command)
        assert ended.code == 8, command
        assert f'missing-database: database "{database}" does not exist' in ended.out + ended.err
    platform.plan["create_databases"] = True
    assert platform.run("wait").code == 0
    assert "missing-schema" in platform.run("status").out
    assert platform.server.query("SELECT 1 FROM pg_database WHERE datname = %s", parameters=[database]) == []
    ended = platform.run("upgrade")
    assert (ended.code, len(ended.lines)) == (0, 4)


def test_wrong_password_fails_at_once_and_is_never_shown(platform: Platform) -> None:
    platform.only("accounts", "flows")
    secret = "hunter2 wrong"
    for name, scheme in (("accounts", "postgresql+asyncpg"), ("flows", "postgres")):
        service = platform.service(name)
        url = platform.server.url(service["database"], password=secret, scheme=scheme)
        began = time.monotonic()
        ended = platform.run("upgrade", "--service", name, **{service["url_env"]: url})
        assert ended.code == 3
        assert (
            f"{name} wrong-password: PostgreSQL at 127.0.0.1:{platform.server.port} refuses user postgres"
            in ended.out
        )
        assert time.monotonic() - began < 10
        for spelt in ("hunter2", PASSWORD):
            assert spelt not in ended.out + ended.err


def test_a_password_in_an_error_is_hidden(platform: Platform) -> None:
    platform.only("accounts")
    platform.add(
        "accounts", "a3", "a2", "leak", "import os\nraise RuntimeError(os.environ['ACCOUNTS_DATABASE_URL'])"
    )
    ended = platform.run("upgrade")
    assert ended.code == 1
    assert "failed at leak: RuntimeError: postgresql://postgres:***@127.0.0.1:" in ended.out
    platform.add("accounts", "a3", "a2", "leak", f"raise RuntimeError({PASSWORD!r})")
    assert "failed at leak: RuntimeError: ***\n" in platform.run("upgrade").out
    url = 'sa.make_url(os.environ["ACCOUNTS_DATABASE_URL"]).render_as_string(hide_password=False)'
    for body, said in (
        (f"import os\nraise RuntimeError({url})", "postgresql://postgres:***@127.0.0.1:"),
        (f"import os\nprint({url}, flush=True)\nos._exit(3)", "at leak: its process ended with exit code 3"),
    ):
        platform.add("accounts", "a3", "a2", "leak", body)
        ended = platform.run("upgrade")
        assert said in ended.out
        assert "c%23" not in ended.out + ended.err


def test_a_server_that_is_not_there_and_one_that_starts_late(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.only("accounts")
    port = free_port()
    monkeypatch.setattr(platform.server, "port", port)
    urls = platform.urls()
    monkeypatch.undo()
    ended = platform.run("upgrade", "--timeout", "0.5", **urls)
    assert ended.code == 3
    assert f"accounts unreachable: PostgreSQL at 127.0.0.1:{port} does not answer: " in ended.out
    driver = platform.start("upgrade", "--timeout", "30", **urls)
    time.sleep(2.5)
    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=_forward, args=(listener, platform.server.port), daemon=True).start()
        out, err = driver.communicate(timeout=40)
    assert driver.returncode == 0, out
    assert f"waiting for PostgreSQL at 127.0.0.1:{port}: " in err


def _forward(listener: socket.socket, to: int) -> None:
    """Hand connections on, as if the server had started where nobody listened."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError), source, sink:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)

    with suppress(OSError):  # the listener was closed: the test is over
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", to))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()


def test_rights(platform: Platform) -> None:
    platform.only("accounts")
    database, role = platform.service("accounts")["database"], platform.service("accounts")["database"]
    platform.server.query(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
    url = f"postgresql://{role}:pw@127.0.0.1:{platform.server.port}/{database}"
    ended = platform.run("upgrade", ACCOUNTS_DATABASE_URL=url)
    assert (ended.code, f"no-right: user {role} may not create database {database}" in ended.out) == (9, True)
    platform.server.query(f"CREATE DATABASE {database}")
    ended = platform.run("upgrade", ACCOUNTS_DATABASE_URL=url)
    assert ended.code == 9
    assert ended.lines[1] == "  ✗ accounts_default no-right: schema accounts_default may not be created"


def test_too_many_connections_is_not_a_wrong_password(platform: Platform) -> None:
    platform.only("accounts")
    database = platform.service("accounts")["database"]
    platform.server.query(f"CREATE DATABASE {database}")
    platform.server.query(f"CREATE ROLE {database} LOGIN PASSWORD 'pw' CONNECTION LIMIT 0")
    url = f"postgresql://{database}:pw@127.0.0.1:{platform.server.port}/{database}"
    ended = platform.run("upgrade", "--timeout", "1", ACCOUNTS_DATABASE_URL=url)
    assert (ended.code, "accounts unreachable: " in ended.out) == (3, True)
    ended = platform.run("upgrade", ACCOUNTS_DATABASE_URL=url.replace("//", "//nobody_"))
    assert (ended.code, "accounts wrong-password: " in ended.out) == (3, True)


def test_two_runners_wait_for_each_other(platform: Platform) -> None:
    platform.only("accounts")
    platform.add("accounts", "a3", "a2", "slow", 'op.execute("SELECT pg_sleep(1.5)")')
    both = [platform.start("upgrade", "--tenant", "default") for _ in range(2)]
    outs = [process.communicate(timeout=40)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    joined = "".join(outs)
    assert joined.count("Applied new migrations to accounts_default (create_accounts, add_email, slow)") == 1
    assert joined.count("accounts_default already up-to-date") == 1


def test_locked_names_the_holder(platform: Platform) -> None:
    platform.only("accounts")
    assert platform.run("upgrade", "--tenant", "default").code == 0
    platform.add("accounts", "a3", "a2", "add_z", 'op.add_column("accounts", sa.Column("z", sa.Text))')
    url = platform.server.url(platform.service("accounts")["database"])
    with psycopg.connect(url, application_name="somebody") as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [key_of("accounts_default")])
        ended = platform.run("upgrade", "--tenant", "default", "--timeout", "0.5")
        pid = holder.info.backend_pid
    assert ended.code == 4
    assert ended.lines[1:3] == [
        f"  ✗ accounts_default locked: accounts_default is being migrated by pid {pid} (somebody)",
        "    → wait for it, run again",
    ]
    with psycopg.connect(url) as holder:
        holder.execute("LOCK TABLE accounts_default.accounts")
        ended = platform.run("upgrade", "--tenant", "default")
    assert ended.code == 4
    assert re.fullmatch(
        r"  ✗ accounts_default locked at add_z: canceling statement due to lock timeout \(SQLSTATE 55P03\), "
        r"blocked by pid \d+ \(no name, idle in transaction, transaction of \d s: LOCK TABLE .*\)",
        ended.lines[1],
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("upgrade", "--service", "nobody"), "no service nobody in the plan"),
        (("upgrade", "--tenant", "nobody"), "no tenant nobody in the plan"),
        (("upgrade", "--service", "intake", "--tenant", "default"), "intake has one schema for all tenants"),
        (("upgrade", "--workers", "external"), "--workers external needs the folder they share"),
        (("upgrade", "--path", "."), "--path goes with --workers here"),
        (("upgrade", "--exchange", "/nowhere"), "the exchange folder /nowhere is not there"),
        (("upgrade", "--timeout", "soon"), "argument --timeout"),
        (("status", "--frobnicate"), "unrecognized arguments"),
    ],
)
def test_usage(platform: Platform, arguments: tuple[str, ...], message: str) -> None:
    ended = platform.run(*arguments)
    assert (ended.code, message in ended.err, "Traceback" in ended.err) == (2, True, False)


def without(platform: Platform, *modules: str) -> list[str]:
    """The command of a Python that lacks these modules."""
    code = f"import runpy, sys\nsys.modules.update(dict.fromkeys({modules!r}))\nsys.argv[:] = sys.argv[2:]\n"
    code += "runpy.run_module('genmigrate', run_name='__main__', alter_sys=True)\n"
    (platform.root / "lacking.py").write_text(code)
    return [sys.executable, str(platform.root / "lacking.py")]


@pytest.mark.parametrize("declared", [True, False])
def test_a_service_with_an_async_driver_only(platform: Platform, declared: bool) -> None:
    """Which package to add, and where, with what is in the way of each."""
    pytest.importorskip("asyncpg")
    platform.only("accounts")
    file = platform.root / "accounts" / "pyproject.toml"
    if declared:
        file.write_text('[project]\nname = "accounts"\ndependencies = ["asyncpg"]\n')
    platform.plan["services"][0]["python"] = without(platform, "psycopg", "psycopg2")
    url = platform.urls()["ACCOUNTS_DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:")
    ended = platform.run("upgrade", ACCOUNTS_DATABASE_URL=url)
    assert ended.code == 2
    assert ended.lines[1].startswith(
        "  ✗ accounts usage: the runner's own session needs psycopg or psycopg2, also beside asyncpg, and this "
        "service's Python has neither (psycopg: "
    )
    where = f"in {file}" if declared else "of the service"
    assert ended.lines[2] == f'    → add "psycopg[binary]" to the dependencies {where}'
    platform.plan["services"][0]["python"] = without(platform, "psycopg2")
    assert platform.run("upgrade", ACCOUNTS_DATABASE_URL=url.replace("+asyncpg", "+psycopg")).code == 0


def test_what_the_environment_lacks(platform: Platform) -> None:
    platform.only("accounts")
    (platform.root / ".env").write_text("ACCOUNTS_DATABASE_URL=  # blank\n")
    ended = platform.run("upgrade")
    assert (ended.code, "accounts usage: ACCOUNTS_DATABASE_URL is not set" in ended.out) == (2, True)
    ended = platform.run("upgrade", ACCOUNTS_DATABASE_URL=platform.server.url("postgres"))
    assert ended.code == 2
    assert "ACCOUNTS_DATABASE_URL names database postgres, the plan says accounts_" in ended.out
    ended = platform.run("upgrade", ACCOUNTS_DATABASE_URL="mysql://root:topsecret@h/x")
    assert (ended.code, "topsecret" in ended.out) == (2, False)
    platform.plan["services"][0]["python"] = ["no-such-program"]
    ended = platform.run("upgrade")
    assert (ended.code, "accounts not-started: cannot start no-such-program" in ended.out) == (2, True)
    platform.plan["services"][0]["python"] = ["false"]
    ended = platform.run("upgrade")
    assert (ended.code, "accounts not-started: its worker did not start" in ended.out) == (2, True)
    platform.plan["services"][0]["config"] = "other.ini"


def test_status(platform: Platform) -> None:
    platform.run("upgrade", "--service", "accounts", "--tenant", "default")
    platform.add("accounts", "a3", "a2", "add_user_avatar")
    platform.add("accounts", "a4", "a3", "add_x")
    ended = platform.run("status")
    assert (ended.code, ended.err) == (0, "")
    assert ended.lines == [
        "service   schema             state           current    pending",
        "accounts  accounts_default   pending         add_email  add_user_avatar, add_x",
        "accounts  accounts_to_shiba  missing-schema  -          create_accounts, add_email, add_user_avatar, add_x",
        "flows     flows_default      missing-schema  -          create_flows, add_label",
        "flows     flows_to_shiba     missing-schema  -          create_flows, add_label",
        "intake    public             missing-schema  -          create_files",
    ]
    document = json.loads(platform.run("status", "--json", "--service", "accounts").out)
    assert document["services"][0]["heads"] == [{"revision": "a4", "name": "add_x"}]
    assert document["services"][0]["schemas"][0] == {
        "schema": "accounts_default",
        "tenant": "default",
        "state": "pending",
        "current": [{"revision": "a2", "name": "add_email"}],
        "pending": [{"revision": "a3", "name": "add_user_avatar"}, {"revision": "a4", "name": "add_x"}],
        "reason": "",
        "way_out": "",
    }
    unreachable = platform.run(
        "status", "--json", "--timeout", "0", FLOWS_DATABASE_URL="postgresql://u:p@127.0.0.1:1/x"
    )
    assert unreachable.code == 2  # another database than the plan's
    assert [service["state"] for service in json.loads(unreachable.out)["services"]] == [
        "answers",
        "usage",
        "answers",
    ]
