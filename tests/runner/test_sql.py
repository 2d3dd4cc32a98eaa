"""`sql` prints what is pending, and what it prints does the same as `upgrade`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg
import psycopg
import pytest

from .conftest import Platform

DUMP = (
    "SELECT table_name, column_name, data_type FROM information_schema.columns "
    "WHERE table_schema = 'accounts_default' ORDER BY 1, 2"
)


def test_the_printed_sql_does_what_upgrade_does(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    printed = platform.run("sql")
    assert (printed.code, printed.err) == (0, "")
    assert printed.lines[:4] == [
        "-- accounts: from nothing to add_email",
        "-- schemas: accounts_default",
        'CREATE SCHEMA IF NOT EXISTS "accounts_default";',
        'SET search_path TO "accounts_default";',
    ]
    assert platform.query("accounts", DUMP) == []
    platform.query("accounts", printed.out)
    by_hand = platform.query("accounts", DUMP)
    assert platform.run("status").out.count("up-to-date") == 1
    platform.query("accounts", "DROP SCHEMA accounts_default CASCADE")
    assert platform.run("upgrade").code == 0
    assert platform.query("accounts", DUMP) == by_hand


def test_schemas_are_grouped_by_where_they_start(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["one", "two", "three"]
    assert platform.run("upgrade", "--tenant", "one", "two").code == 0
    platform.add(
        "accounts", "a3", "a2", "add_user_avatar", 'op.add_column("accounts", sa.Column("a", sa.Text))'
    )
    printed = platform.run("sql")
    heads = [line for line in printed.lines if line.startswith(("-- accounts:", "-- schemas:"))]
    assert heads == [
        "-- accounts: from add_email to add_user_avatar",
        "-- schemas: accounts_one, accounts_two",
        "-- accounts: from nothing to add_user_avatar",
        "-- schemas: accounts_three",
    ]
    assert printed.out.count("ALTER TABLE accounts ADD COLUMN a TEXT;") == 2
    assert platform.version("accounts_one") == "a2"
    assert platform.query("accounts", "SELECT to_regnamespace('accounts_three')") == [(None,)]
    platform.run("upgrade")
    nothing = platform.run("sql")
    assert (nothing.code, nothing.out) == (0, "")
    assert "accounts_three already up-to-date" in nothing.err


def test_what_cannot_be_rendered_is_named(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    copy = 'op.execute("SELECT 1")\nrows = op.get_bind().execute(sa.text("SELECT 2")).fetchall()'
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    file = platform.add("accounts", "a3", "a2", "copy_data", copy)
    platform.add("accounts", "a4", "a3", "add_x", 'op.execute("SELECT 3")')
    printed = platform.run("sql")
    assert printed.code == 0
    assert "accounts: copy_data cannot be rendered offline: AttributeError" in printed.err
    assert file.name in printed.err
    assert "-- copy_data cannot be rendered offline: " in printed.out
    assert ("SELECT 1;" in printed.out, "SELECT 3;" in printed.out) == (False, True)
    with pytest.raises(
        psycopg.errors.RaiseException, match="revision copy_data has to be applied by Alembic"
    ):
        platform.query("accounts", printed.out)
    assert "Traceback" not in printed.out + printed.err
