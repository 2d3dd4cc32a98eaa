"""What each command besides `upgrade` says, how it ends, and that those which only look change nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .test_exchange import SLOW, sleeping, until
from .test_hold import env
from .test_upgrade import HEADING, without_time

if TYPE_CHECKING:
    from .conftest import Platform

pytestmark = pytest.mark.minutes

UP = "ADD {0} text"
MODELS = """
import sqlalchemy as sa

metadata = sa.MetaData()
sa.Table("accounts", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("email", sa.Text))
"""
TENANTS = ("a", "b", "c")


def reversible(platform: Platform, *names: str) -> None:
    """Add a revision r1, r2 … per name behind the head, each of which makes a table and drops it again."""
    parent = "a2"
    for number, name in enumerate(names, 1):
        file = platform.add(
            "accounts", f"r{number}", parent, f"add_{name}", f'op.execute("CREATE TABLE {name} (i int)")'
        )
        file.write_text(
            f'{file.read_text()}\n\ndef downgrade() -> None:\n    op.execute("DROP TABLE {name}")\n'
        )
        parent = f"r{number}"


def prepare(platform: Platform, *names: str, tenants: tuple[str, ...] = TENANTS) -> None:
    """One service at the head, with reversible revisions."""
    platform.only("accounts")
    platform.plan["tenants"] = list(tenants)
    reversible(platform, *names)
    assert platform.run("upgrade").code == 0


def everything(platform: Platform) -> list[tuple[object, ...]]:
    """Each object of the database with the transaction that made it what it is, and each version."""
    objects = "SELECT oid::regclass::text, xmin::text FROM pg_class UNION ALL "
    objects += "SELECT nspname, xmin::text FROM pg_namespace ORDER BY 1"
    rows = platform.query("accounts", objects)
    for (table,) in platform.query(
        "accounts", "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND oid >= 16384 ORDER BY 1"
    ):
        rows += platform.query("accounts", f"SELECT '{table}', xmin::text, t::text FROM {table} t ORDER BY 3")
    return rows


@pytest.mark.parametrize("command", [("plan",), ("upgrade", "--dry-run")])
def test_a_plan_changes_nothing(platform: Platform, command: tuple[str, ...]) -> None:
    prepare(platform, tenants=("a",))
    reversible(platform, "x", "y")
    platform.plan["tenants"] = list(TENANTS)
    platform.policy(canary=["c"])
    platform.query("accounts", "CREATE SCHEMA accounts_b CREATE TABLE t (i int)")
    before = everything(platform)
    ended = platform.run(*command)
    assert ended.lines == [
        "  ✗ accounts_b unversioned: schema accounts_b holds 1 tables but no alembic_version",
        "    → if these tables are a known revision, record it in the service's folder: "
        "ALEMBIC_SCHEMA=accounts_b alembic -c alembic.ini stamp REVISION",
        "  – 1 would get create_accounts, add_email, add_x, add_y first (canary): accounts_c",
        "  – 1 would get add_x, add_y: accounts_a",
    ]
    assert (ended.code, everything(platform)) == (9, before)


def test_a_plan_for_a_database_that_is_not_there_yet(platform: Platform) -> None:
    ended = platform.run("plan")
    assert (ended.code, ended.lines) == (
        0,
        [
            "  – 2 would get create_accounts, add_email: accounts_default, accounts_to_shiba",
            "  – 2 would get create_flows, add_label: flows_default, flows_to_shiba",
            "  – 1 would get create_files: intake",
        ],
    )
    database = platform.service("accounts")["database"]
    assert platform.server.query("SELECT 1 FROM pg_database WHERE datname = %s", parameters=[database]) == []


def test_the_words_of_a_status(platform: Platform) -> None:
    prepare(platform, "x", tenants=("a", "b", "c", "d", "e", "f"))
    platform.query("accounts", "UPDATE accounts_b.alembic_version SET version_num = 'a2'")
    platform.query("accounts", "DROP SCHEMA accounts_c CASCADE; DROP TABLE accounts_d.alembic_version")
    platform.query("accounts", "UPDATE accounts_e.alembic_version SET version_num = 'zz'")
    platform.query("accounts", "DELETE FROM accounts_f.alembic_version")
    ended = platform.run("status", "--json")
    (service,) = json.loads(ended.out)["services"]
    assert [(each["tenant"], each["state"]) for each in service["schemas"]] == [
        ("a", "up-to-date"),
        ("b", "pending"),
        ("c", "missing-schema"),
        ("d", "unversioned"),
        ("e", "unknown-revision"),
        ("f", "unstamped"),
    ]
    at_b = service["schemas"][1]
    assert (at_b["current"], at_b["pending"]) == (
        [{"revision": "a2", "name": "add_email"}],
        [{"revision": "r1", "name": "add_x"}],
    )
    assert (ended.code, service["state"], service["heads"]) == (
        9,
        "answers",
        [{"revision": "r1", "name": "add_x"}],
    )
    assert all(each["way_out"] for each in service["schemas"][3:])


def test_check_compares_models_with_migrations(platform: Platform) -> None:
    prepare(platform, tenants=("a", "b"))
    env(
        platform,
        "context.configure(connection=connection)",
        "import models\n        context.configure(connection=connection, target_metadata=models.metadata)",
    )
    file = platform.root / "accounts" / "models.py"
    file.write_text(MODELS)
    before = everything(platform)
    ended = platform.run("check")
    assert (ended.code, ended.lines) == (0, ["  ✓ accounts: models and migrations agree"]), ended.out
    file.write_text(
        f'{MODELS}sa.Table("more", metadata, sa.Column("i", sa.Integer))\n'.replace("email", "mail")
    )
    ended = platform.run("check")
    assert (ended.code, ended.lines) == (
        1,
        [
            "  ✗ accounts failed: models and migrations differ in 3 places",
            "    → add_table more",
            "    → add_column accounts mail",
            "    → remove_column accounts email",
        ],
    )
    file.write_text("raise ValueError('no models')")
    ended = platform.run("check")
    assert (ended.code, ended.lines) == (
        1,
        ["  ✗ accounts failed at env.py: ValueError: no models", "    → models.py line 1"],
    )
    assert everything(platform) == before


def test_check_without_models_or_schemas(platform: Platform) -> None:
    platform.only("accounts")
    ended = platform.run("check")
    assert (ended.code, ended.lines) == (
        1,
        ["  ✗ accounts failed: none of its schemas is up-to-date", "    → upgrade first"],
    )
    assert platform.run("upgrade").code == 0
    ended = platform.run("check")
    assert (ended.code, ended.lines[1]) == (1, "    → migrations/env.py line 33")
    assert "  ✗ accounts failed at env.py: CommandError: " in ended.lines[0]
    assert "does not provide a MetaData object" in ended.lines[0]


def test_a_downgrade_stays_within_the_policy(platform: Platform) -> None:
    prepare(platform, "x", "y", tenants=("a", "b"))
    before = everything(platform)
    platform.policy(max_downgrade=0)
    for way in ((), ("--apply",)):
        ended = platform.run("downgrade", "--service", "accounts", "--to", "r1", *way)
        assert (ended.code, ended.lines[:2]) == (
            6,
            [
                "  ✗ accounts refused: environment local goes forward only",
                "    → undo it by a new revision; or rollback.schema: downgrade in the spec",
            ],
        )
    platform.policy(max_downgrade=1)
    ended = platform.run("downgrade", "--service", "accounts", "--to", "a2", "--apply")
    assert (ended.code, ended.lines[:2]) == (
        6,
        [
            "  ✗ accounts_a refused: 2 revisions would be undone, the policy allows 1",
            "    → choose a nearer target, or undo them by a new revision",
        ],
    )
    assert everything(platform) == before
    assert platform.run("downgrade", "--service", "accounts", "--to", "r1", "--apply").code == 0
    assert platform.version("accounts_a") == platform.version("accounts_b") == "r1"


def test_a_downgrade_is_shown_first(platform: Platform) -> None:
    prepare(platform, "x", "y", "z", tenants=("a", "b"))
    platform.policy(max_downgrade=None, verify="drift", canary=["b"], parallelism=2)
    before = everything(platform)
    ended = platform.run("downgrade", "--service", "accounts", "--to", "add_x")
    assert (ended.code, ended.lines) == (
        0,
        [
            "  – accounts_a would lose add_z, add_y",
            "  – accounts_b would lose add_z, add_y",
            "  nothing was changed; to undo it, and lose the data in it: --to r1 --apply",
        ],
    )
    assert everything(platform) == before
    ended = platform.run("downgrade", "--service", "accounts", "--to", "r1", "--apply")
    assert [without_time(line) for line in ended.lines] == [
        "  ✓ Undid add_z, add_y in accounts_b",
        "  ✓ Undid add_z, add_y in accounts_a",
        "2 schemas: 0 up-to-date, 2 applied, 0 failed, 0 skipped (T)",
    ]
    assert (ended.code, ended.err) == (0, "")
    for schema in ("accounts_a", "accounts_b"):
        assert platform.version(schema) == "r1"
        tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = '{}'::regnamespace ORDER BY 1"
        assert platform.query("accounts", tables.format(schema)) == [
            ("accounts",),
            ("alembic_version",),
            ("x",),
        ]
        rows = f"SELECT revision FROM genmigrate.applied WHERE schema = '{schema}' AND direction = 'down' ORDER BY id"
        assert platform.query("accounts", rows) == [("r3",), ("r2",)]
    platform.policy(max_downgrade=None)
    ended = platform.run("downgrade", "--service", "accounts", "--to", "r1", "--apply")
    assert (ended.code, ended.lines) == (
        0,
        ["  ✓ accounts_a is not above add_x", "  ✓ accounts_b is not above add_x"],
    )
    ended = platform.run("upgrade")
    assert ended.lines[1] == "  ✓ Applied new migrations to accounts_a (add_y, add_z)"


def test_targets_of_a_downgrade(platform: Platform) -> None:
    prepare(platform, tenants=("a", "b"))
    ended = platform.run("downgrade", "--service", "accounts", "--to", "zz", "--apply")
    assert (ended.code, ended.lines[:2]) == (
        2,
        [
            "  ✗ accounts usage: zz is no revision of accounts",
            "    → known: a2 (add_email), a1 (create_accounts), base",
        ],
    )
    versions = platform.root / "accounts" / "migrations" / "versions"
    for name, undo in (
        ("a1_create_accounts", 'op.drop_table("accounts")'),
        ("a2_add_email", 'op.drop_column("accounts", "email")'),
    ):
        file = versions / f"{name}.py"
        file.write_text(file.read_text().replace("raise NotImplementedError", undo))
    platform.policy(max_downgrade=None)
    ended = platform.run("downgrade", "--service", "accounts", "--to", "base", "--tenant", "a", "--apply")
    assert (ended.code, ended.lines[0]) == (0, "  ✓ Undid add_email, create_accounts in accounts_a")
    assert platform.version("accounts_a") == ""
    assert platform.version("accounts_b") == "a2"
    ended = platform.run("downgrade", "--to", "base")
    assert (ended.code, "downgrade needs exactly one --service" in ended.err) == (0, False), (
        "one service is in the plan"
    )


def test_a_downgrade_that_fails_names_its_place(platform: Platform) -> None:
    """It ends at a whole revision; the other tenant is left alone."""
    prepare(platform, "x", tenants=("a", "b"))
    platform.policy(max_downgrade=None)
    ended = platform.run("downgrade", "--service", "accounts", "--to", "base", "--apply")
    assert [without_time(line) for line in ended.lines] == [
        "  ✗ accounts_a failed at add_email: NotImplementedError",
        "    → migrations/versions/a2_add_email.py line 17",
        "    → accounts_a is at add_email, this run undid add_x",
        "  – accounts_b skipped, still at add_x",
        "2 schemas: 0 up-to-date, 0 applied, 1 failed, 1 skipped (T)",
    ]
    assert (ended.code, platform.version("accounts_a")) == (1, "a2")


def test_a_downgrade_that_ends_in_an_autocommit_block_leaves_dirt(platform: Platform) -> None:
    prepare(platform, "x", tenants=("a",))
    platform.policy(max_downgrade=None)
    file = platform.root / "accounts" / "migrations" / "versions" / "r1_add_x.py"
    block = 'with op.get_context().autocommit_block():\n        op.execute("DROP TABLE x")\n    raise ValueError("no")'
    file.write_text(file.read_text().replace('op.execute("DROP TABLE x")', block))
    ended = platform.run("downgrade", "--service", "accounts", "--to", "a2", "--apply")
    assert (ended.code, ended.lines[0]) == (1, "  ✗ accounts_a failed at add_x: ValueError: no")
    assert any("part of it was committed in its autocommit block" in line for line in ended.lines)
    ended = platform.run("status")
    assert (
        ended.code,
        "  ✗ accounts_a dirty: in accounts_a the autocommit block of add_x did not" in ended.out,
    ) == (
        9,
        True,
    ), ended.out


def test_who_holds_a_lock(platform: Platform) -> None:
    prepare(platform, tenants=("a", "b"))
    ended = platform.run("unlock", "--show")
    assert (ended.code, ended.lines) == (0, ["  ✓ accounts: no schema is locked"])
    assert platform.run("unlock").code == 2
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    driver = platform.start("upgrade", "--tenant", "b")
    until(lambda: sleeping(platform))
    ended = platform.run("unlock", "--show")
    assert ended.code == 0
    assert [line.partition(" by pid ")[0] for line in ended.lines[::2]] == ["  – accounts_b is held"] * 2
    assert "genmigrate sample/local accounts, from 127.0.0.1, " in ended.lines[0]
    assert any(": SELECT pg_sleep(30)" in line for line in ended.lines)
    pid = ended.lines[0].partition(" by pid ")[2].partition(" ")[0]
    assert ended.lines[1] == f"    → it ends with that session; to end it: SELECT pg_terminate_backend({pid})"
    assert platform.run("unlock", "--show", "--tenant", "a").lines == ["  ✓ accounts: no schema is locked"]
    driver.terminate()
    driver.wait(20)


def test_verify_and_snapshot(platform: Platform) -> None:
    prepare(platform, tenants=("a", "b"))
    ended = platform.run("verify", "--drift")
    assert (ended.code, ended.lines[0].partition(" in ")[0]) == (
        2,
        "  ✗ accounts usage: no snapshot of the schema",
    )
    ended = platform.run("snapshot")
    file = platform.root / "accounts" / "migrations" / "schema.json"
    assert (ended.code, ended.lines) == (0, [f"  ✓ accounts snapshot at add_email: 5 objects in {file}"])
    platform.query("accounts", "ALTER TABLE accounts_b.accounts DROP email, ADD phone text")
    ended = platform.run("verify")
    assert (ended.code, ended.lines) == (0, ["  ✓ accounts_a verified", "  ✓ accounts_b verified"])
    ended = platform.run("verify", "--drift")
    assert (ended.code, ended.lines) == (
        1,
        [
            "  ✓ accounts_a verified",
            "  ✗ accounts_b drifted: 2 differences from what the migrations make",
            "    → table accounts: column email is missing",
            "    → table accounts: column phone is not in the migrations",
        ],
    )
    platform.plan.update(environment="production", create_databases=False)
    ended = platform.run("snapshot")
    assert (ended.code, ended.lines[0]) == (
        6,
        "  ✗ accounts refused: a snapshot is what the migrations make, it is never taken from production",
    )


def test_the_snapshot_is_checked(platform: Platform) -> None:
    """A developer makes it on a machine of any name; the check makes it anew, somewhere else, and compares."""
    platform.plan["environment"] = "laptop"
    prepare(platform, tenants=("a", "b"))
    file = platform.root / "accounts" / "migrations" / "schema.json"
    renew = (
        "    → renew it, and commit it: "
        "bin/gen migrate upgrade --service accounts && bin/gen migrate snapshot --service accounts"
    )

    def checked() -> tuple[int, list[str]]:
        ended = platform.run("snapshot", "--check", "--tool", "bin/gen")
        assert ended.err == ""
        return ended.code, ended.lines

    missing = "  ✗ accounts usage: no snapshot of the schema in accounts/migrations/schema.json: "
    assert checked() == (2, [f"{missing}No such file or directory", renew])
    assert not file.exists()
    assert platform.run("snapshot").code == 0
    text = file.read_text()
    equal = ["  ✓ accounts snapshot is what the migrations make: 5 objects at add_email"]
    assert checked() == (0, equal)
    document = json.loads(text)
    file.write_text(json.dumps({**document, "server": 9}))
    assert checked() == (0, equal), "another PostgreSQL that spells everything alike"
    old = {key: text for key, text in document["objects"].items() if not key.endswith(" email")}
    added = {f"view v{number:02}": "" for number in range(9)}
    file.write_text(json.dumps({**document, "server": 9, "head": "a1", "objects": old | added}))
    code, lines = checked()
    assert (code, lines[:3], lines[-3:], len(lines)) == (
        1,
        [
            "  ✗ accounts drifted: the snapshot accounts/migrations/schema.json is not what the migrations make",
            "    → it is of revision a1, the migrations are at a2",
            "    → table accounts: column email is missing",
        ],
        ["    → view v07 is not in the migrations", "    → and 2 more", renew],
        13,
    )
    file.write_text(json.dumps({**document, "server": 9, "objects": old}))
    assert checked()[1][2:3] == [
        f"    → it is of PostgreSQL 9, this is {document['server']}: one may spell some otherwise than the other"
    ]
    file.write_text("{")
    code, lines = checked()
    assert (code, lines[0].partition(": ")[2]) == (
        2,
        "accounts/migrations/schema.json is not a snapshot that this runner reads",
    )
    assert file.read_text() == "{", "a check writes nothing"
    file.write_text(text)
    platform.add("accounts", "a3", "a2", "add_x", 'op.add_column("accounts", sa.Column("x", sa.Text))')
    assert checked() == (
        6,
        [
            "  ✗ accounts refused: schema accounts_a is pending",
            "    → migrate it: bin/gen migrate upgrade --service accounts",
        ],
    )


def test_where_the_snapshot_is_made_an_upgrade_needs_none(platform: Platform) -> None:
    prepare(platform, tenants=("a", "b"))
    platform.policy(verify="drift", canary=["a"])
    platform.add("accounts", "a3", "a2", "add_x", 'op.add_column("accounts", sa.Column("x", sa.Text))')
    assert platform.run("upgrade").code == 0
    assert platform.run("verify").code == 2, "as the plan says, and there is none"
    assert platform.run("snapshot").code == 0
    platform.add("accounts", "a4", "a3", "add_y", 'op.add_column("accounts", sa.Column("y", sa.Text))')
    assert platform.run("upgrade").code == 0
    assert platform.run("snapshot", "--check").code == 1
    assert platform.run("snapshot").code == platform.run("verify").code == 0


def test_only_the_canary(platform: Platform) -> None:
    platform.only("accounts", "intake")
    ended = platform.run("upgrade", "--canary")
    assert (ended.code, ended.err.splitlines()[0]) == (2, "genmigrate: the plan names no canary")
    platform.policy(canary=["to-shiba"])
    ended = platform.run("upgrade", "--canary")
    assert [without_time(line) for line in ended.lines] == [
        HEADING,
        "  ✓ Applied new migrations to accounts_to_shiba (create_accounts, add_email)",
        "1 schemas: 0 up-to-date, 1 applied, 0 failed, 0 skipped (T)",
    ]
    assert platform.query("accounts", "SELECT to_regnamespace('accounts_default')") == [(None,)]
    assert platform.run("status", "--canary").out.count("accounts_") == 1


def test_the_manifest_as_a_file(platform: Platform, tmp_path: Path) -> None:
    platform.only("accounts")
    ended = platform.run("upgrade", "--manifest", str(tmp_path / "nowhere" / "m.json"))
    assert (ended.code, ended.out) == (2, ""), ended.out
    assert ended.err.startswith(f"genmigrate: cannot write {tmp_path}/nowhere/m.json: No such file")
    platform.add(
        "accounts",
        "a3",
        "a2",
        "add_x",
        'if context.get_context().version_table_schema == "accounts_to_shiba": raise ValueError',
    )
    file = tmp_path / "m.json"
    ended = platform.run("upgrade", "--manifest", str(file))
    document = json.loads(file.read_text())
    (service,) = document["services"]
    assert (ended.code, service["code"], document["environment"]) == (1, 1, "local")
    assert f"(run {document['run']}, " in ended.lines[-1]
    ways = {schema: (way["from"], way["to"]) for schema, way in service["schemas"].items()}
    assert ways == {"accounts_default": ([], ["a3"]), "accounts_to_shiba": ([], ["a2"])}
    assert all(len(step["checksum"]) == 64 for step in service["schemas"]["accounts_default"]["applied"])
