"""`wait --at-least` passes where an image can work, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Platform

LABEL = "accounts_default"


def prepare(platform: Platform, state: str) -> None:
    """Bring one tenant's schema into a state."""
    platform.plan["tenants"] = ["default"]
    platform.only("accounts")
    if state == "no-database":
        platform.plan["create_databases"] = False
        return
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    if state in ("unversioned", "empty"):
        platform.query("accounts", "CREATE SCHEMA accounts_default")
    if state == "unversioned":
        platform.query("accounts", "CREATE TABLE accounts_default.t (i int)")
    if state in ("behind", "at-head", "newer"):
        newer = platform.add("accounts", "a3", "a2", "newer") if state == "newer" else None
        assert platform.run("upgrade").code == 0
        if newer:
            newer.unlink()
        if state == "behind":
            platform.add("accounts", "a3", "a2", "add_user_avatar")


@pytest.mark.parametrize(
    ("state", "code", "line"),
    [
        ("at-head", 0, f"  ✓ {LABEL} is at least where this image needs it"),
        ("newer", 0, f"  ✓ {LABEL} is at least where this image needs it"),
        ("behind", 7, f"  ✗ {LABEL} behind: {LABEL} is at add_email and needs add_user_avatar"),
        ("missing", 7, f"  ✗ {LABEL} behind: schema {LABEL} is not there"),
        ("empty", 7, f"  ✗ {LABEL} behind: {LABEL} is at no revision and needs create_accounts, add_email"),
        ("unversioned", 9, f"  ✗ {LABEL} unversioned: schema {LABEL} holds 1 tables but no alembic_version"),
        ("no-database", 8, "  ✗ accounts missing-database: "),
    ],
)
def test_at_least(platform: Platform, state: str, code: int, line: str) -> None:
    prepare(platform, state)
    ended = platform.run("wait", "--at-least", "--timeout", "0")
    assert (ended.code, ended.lines[0][: len(line)]) == (code, line)


@pytest.mark.parametrize(("known", "code"), [("a1", 7), ("a2", 0)])
def test_at_least_with_an_unknown_revision_beside_a_known_one(
    platform: Platform, known: str, code: int
) -> None:
    prepare(platform, "at-head")
    rows = f"('{known}'), ('zzz')"
    platform.query("accounts", f"DELETE FROM {LABEL}.alembic_version")
    platform.query("accounts", f"INSERT INTO {LABEL}.alembic_version VALUES {rows}")
    ended = platform.run("wait", "--at-least", "--timeout", "0")
    assert ended.code == code, ended.out
    if code:
        assert ended.lines[0] == (
            f"  ✗ {LABEL} behind: {LABEL} is at create_accounts, zzz and needs add_email"
        )


def test_at_least_waits_for_the_migration(platform: Platform) -> None:
    prepare(platform, "missing")
    here = ("--workers", "here", "--service", "accounts", "--path", str(platform.root / "accounts"))
    gate = platform.start("wait", "--at-least", "--timeout", "30", *here)
    assert gate.stderr is not None
    assert gate.stderr.readline() == "waiting: schema accounts_default is not there\n"
    assert platform.run("upgrade").code == 0
    out, _ = gate.communicate(timeout=20)
    assert (gate.returncode, out) == (0, f"  ✓ {LABEL} is at least where this image needs it\n")


def test_wait_for_the_server_alone(platform: Platform) -> None:
    ended = platform.run("wait")
    where = f"PostgreSQL at 127.0.0.1:{platform.server.port} answers"
    assert (ended.code, ended.lines) == (
        0,
        [f"  ✓ {name}: {where}" for name in ("accounts", "flows", "intake")],
    )
