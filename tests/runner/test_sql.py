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


def without_psql(text: str) -> str:
    """The SQL as another program than psql would run it."""
    return text.replace("\\set ON_ERROR_STOP on\n", "")


def test_two_tips_become_one(platform: Platform) -> None:
    """A merge alone is pending: the SQL takes both rows into account, as upgrade does."""
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.add("accounts", "b1", "a2", "left", 'op.execute("CREATE TABLE l (i int)")')
    platform.add("accounts", "b2", "a2", "right", 'op.execute("CREATE TABLE r (i int)")')
    platform.add("accounts", "m1", ("b1", "b2"), "merge")
    assert platform.run("upgrade").code == 0
    platform.query("accounts", "DELETE FROM accounts_default.alembic_version")
    platform.query("accounts", "INSERT INTO accounts_default.alembic_version VALUES ('b1'), ('b2')")
    printed = platform.run("sql")
    assert (printed.code, printed.err, "CREATE TABLE" in printed.out) == (0, "", False)
    platform.query("accounts", without_psql(printed.out))
    assert platform.version("accounts_default") == "m1"


def test_a_version_table_in_another_schema(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.plan["services"][0]["version_table_schema"] = "versions_{tenant}"
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    printed = platform.run("sql")
    assert printed.code == 0, printed.err
    platform.query("accounts", without_psql(printed.out))
    assert platform.run("upgrade").lines[1:] == ["  ✓ accounts_default already up-to-date"]
    where = "SELECT schemaname FROM pg_tables WHERE tablename = 'alembic_version'"
    assert platform.query("accounts", where) == [("versions_default",)]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_text_in_the_sql_stays_as_it_is(platform: Platform, encoding: str) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    text = "a\\u2028b\\x0cc\\x85 é → ✓"
    platform.add("accounts", "a3", "a2", "text", f"""op.execute("COMMENT ON TABLE accounts IS '{text}'")""")
    printed = platform.run("sql", PYTHONUTF8="0", PYTHONIOENCODING=encoding)
    assert printed.code == 0
    platform.query("accounts", without_psql(printed.out))
    comment = "SELECT obj_description('accounts_default.accounts'::regclass)"
    assert platform.query("accounts", comment) == [("a\u2028b\x0cc\x85 é → ✓",)]


def test_the_printed_sql_does_what_upgrade_does(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.server.query(f"CREATE DATABASE {platform.service('accounts')['database']}")
    printed = platform.run("sql")
    assert (printed.code, printed.err) == (0, "")
    assert printed.lines[:6] == [
        f"-- database: {platform.service('accounts')['database']}",
        "\\set ON_ERROR_STOP on",
        "-- accounts: from nothing to add_email",
        "-- schemas: accounts_default",
        'CREATE SCHEMA IF NOT EXISTS "accounts_default";',
        'SET search_path TO "accounts_default";',
    ]
    assert platform.query("accounts", DUMP) == []
    platform.query("accounts", without_psql(printed.out))
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
    assert ("SELECT 1;" in printed.out, "SELECT 3;" in printed.out) == (False, False)
    with pytest.raises(
        psycopg.errors.RaiseException, match="revision copy_data has to be applied by Alembic"
    ):
        platform.query("accounts", without_psql(printed.out))
    assert ("a4" in printed.out, printed.out.rstrip().endswith("ROLLBACK;")) == (False, True)
    assert "accounts: the SQL ends there, without add_x" in printed.err
    assert "Traceback" not in printed.out + printed.err
