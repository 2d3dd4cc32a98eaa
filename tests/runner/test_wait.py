"""`wait --at-least` passes where an image can work, and nowhere else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from genmigrate import history, manifest
from genmigrate.session import Session
from genmigrate.url import parse

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
    platform.query("accounts", "DROP SCHEMA IF EXISTS genmigrate CASCADE")
    ended = platform.run("wait", "--at-least", "--timeout", "0")
    assert (ended.code, "no manifest tells what is newer" in ended.err) == (code, code == 0), ended
    if code:
        assert ended.lines[0] == (
            f"  ✗ {LABEL} behind: {LABEL} is at create_accounts, zzz and needs add_email"
        )


@pytest.mark.parametrize(
    ("at", "code"),
    [(("a3",), 0), (("b2",), 5), (("zzz",), 5), (("a2", "zzz"), 5), (("a1", "zzz"), 5), (("a1",), 7)],
)
def test_the_manifest_tells_a_newer_revision_from_a_foreign_one(
    platform: Platform, at: tuple[str, ...], code: int
) -> None:
    """a3 is what a newer image brought, b2 another branch beside this image's a2, zzz nobody's."""
    prepare(platform, "at-head")
    session = Session(psycopg, parse(platform.urls()["ACCOUNTS_DATABASE_URL"], "X"), "test")
    for revision, parent in (("a3", "a2"), ("b2", "a1")):
        file = platform.add("accounts", revision, parent, f"add_{revision}")
        hidden = [each for each in file.parent.glob("*2_*.py") if revision == "b2" and each.name[0] == "a"]
        contents = {each: each.read_text() for each in hidden}
        for each in hidden:
            each.unlink()
        image = history.read(platform.root / "accounts", "alembic.ini")
        assert manifest.prepare(session)
        manifest.begin_run(session, revision, "accounts", "local", "upgrade", "digest", image)
        for each, text in contents.items():
            each.write_text(text)
        file.unlink()
    session.rows(f"DELETE FROM {LABEL}.alembic_version")
    for each in at:
        session.rows(f"INSERT INTO {LABEL}.alembic_version VALUES ('{each}')")
    session.close()
    patience = "30" if code == 5 else "0"
    began = time.monotonic()
    ended = platform.run("wait", "--at-least", "--timeout", patience)
    assert (ended.code, time.monotonic() - began < 20) == (code, True), ended
    assert "no manifest" not in ended.err
    if code == 5:
        assert ended.lines[0].startswith(f"  ✗ {LABEL} unknown-revision: schema {LABEL} is at revision ")
        assert ended.lines[1].startswith("    → check out the branch that has it")
    status = platform.run("status")
    assert (
        f"{LABEL}  {'ahead' if code == 0 else 'pending' if code == 7 else 'unknown-revision'}" in status.out
    )
    assert status.code == (0 if code == 7 else 5)


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
