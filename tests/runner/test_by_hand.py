"""Alembic by hand and the runner agree on every schema, between runs and during one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from .test_exchange import until

if TYPE_CHECKING:
    from .conftest import Platform

pytestmark = pytest.mark.minutes

SCHEMA = "accounts_default"
DOWN = "\n\ndef downgrade() -> None:\n    op.execute('DROP TABLE ran')\n"


def by_hand(platform: Platform, *arguments: str, schema: str = SCHEMA) -> subprocess.Popen[str]:
    """What a developer types in the service's folder: ALEMBIC_SCHEMA=… alembic …"""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("alembic"), *arguments],
        cwd=platform.root / "accounts",
        env={"PATH": os.defpath, "ALEMBIC_SCHEMA": schema, **platform.urls()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    platform.processes.append(process)
    return process


def done(process: subprocess.Popen[str]) -> None:
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def add_ran(platform: Platform, first: str = "SELECT 1") -> None:
    """A revision that can be undone, and that leaves a trace for each time it was applied."""
    body = (
        f'op.execute("{first}")\nop.execute("CREATE TABLE IF NOT EXISTS ran (t timestamptz)")\n'
        'op.execute("INSERT INTO ran VALUES (now())")'
    )
    file = platform.add("accounts", "a3", "a2", "slow", body)
    file.write_text(file.read_text() + DOWN)


def states(platform: Platform) -> list[list[str]]:
    """State, current and first pending revision of each schema, as `status` shows them."""
    return [line.split()[2:5] for line in platform.run("status").lines[1:]]


def test_between_runs(platform: Platform) -> None:
    platform.only("accounts")
    add_ran(platform)
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    platform.query("accounts", f"CREATE SCHEMA {SCHEMA}")
    done(by_hand(platform, "upgrade", "head"))
    ended = platform.run("upgrade")
    assert ended.lines[1:3] == [
        "  ✓ accounts_default already up-to-date",
        "  ✓ Applied new migrations to accounts_to_shiba (create_accounts, add_email, slow)",
    ]
    for schema in (SCHEMA, "accounts_to_shiba"):  # one that the manifest does not know, and one that it does
        done(by_hand(platform, "downgrade", "-1", schema=schema))
    assert states(platform) == [["pending", "add_email", "slow"]] * 2
    ended = platform.run("upgrade")
    assert (ended.code, ended.out.count("(slow)"), ended.err) == (0, 2, ""), ended
    assert platform.run("verify").code == 0
    done(by_hand(platform, "stamp", "a1"))
    assert states(platform)[0] == ["pending", "create_accounts", "add_email,"]
    ended = platform.run("upgrade")
    assert (ended.code, ended.lines[2]) == (
        1,
        '  ✗ accounts_default failed at add_email: column "email" of relation "accounts" already exists '
        "(SQLSTATE 42701)",
    )
    done(by_hand(platform, "stamp", "head"))
    assert states(platform) == [["up-to-date", "slow", "-"]] * 2


def test_while_the_runner_works(platform: Platform) -> None:
    """Both apply the same revision at once: it is applied once, the other is told, and nothing of it stays."""
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.plan["session"]["lock_timeout_ms"] = 20000
    assert platform.run("upgrade").code == 0
    add_ran(platform, "SELECT pg_advisory_xact_lock_shared(7)")
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 7"
    with psycopg.connect(platform.urls()["ACCOUNTS_DATABASE_URL"]) as gate:
        gate.execute("SELECT pg_advisory_xact_lock(7)")
        both = [platform.start("upgrade"), by_hand(platform, "upgrade", "head")]
        until(lambda: platform.query("accounts", waiting) == [(2,)])
    told = ["".join(process.communicate(timeout=60)) for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], told
    if both[0].returncode:
        assert "  ✗ accounts_default failed at slow: " in told[0]
    assert platform.query("accounts", f"SELECT count(*) FROM {SCHEMA}.ran") == [(1,)]
    assert platform.run("upgrade").lines[1] == "  ✓ accounts_default already up-to-date"
