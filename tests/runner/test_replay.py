"""Where env.py is skipped: what a revision sent to two schemas is sent to the others, if it can depend on nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from genmigrate.lock import key_of
from genmigrate.plain import is_plain

from .test_exchange import until

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Ended, Platform

TENANTS = [f"t{number}" for number in range(6)]
ASKED = "asked for its statements"
#: Plain revisions, with what Python, SQLAlchemy, both drivers and psql would each read in their own way.
PLAIN = [
    'op.create_table("things", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text))',
    'op.bulk_insert(sa.table("things", sa.column("id"), sa.column("text")), '
    """[{"id": 1, "text": "100 % %s :name 'é' \\\\ ;"}, {"id": 2, "text": None}])""",
    """op.execute("INSERT INTO things VALUES (3, '50 %, -- no comment')")""",
    'op.execute("CREATE VIEW named AS SELECT id AS \\"a % b\\" FROM things")',
    'op.execute("INSERT INTO things SELECT max(id) + 1 FROM things;")\n'
    "op.execute(\"UPDATE things SET text = '' WHERE id = 4\")",
    'op.create_index("things_text", "things", ["text"], unique=True)',
    'op.alter_column("things", "text", comment="said, \'so\' %")',
]
#: Everything of a schema, without its name.
CATALOG = """
SELECT relkind::text, relname, coalesce(attname, ''), coalesce(format_type(atttypid, atttypmod), ''), attnotnull,
coalesce((SELECT string_agg(conname || ' ' || pg_get_constraintdef(c.oid), ',') FROM pg_constraint c
WHERE conrelid = r.oid), ''), coalesce(replace(pg_get_viewdef(r.oid), %s || '.', ''), '')
FROM pg_class r LEFT JOIN pg_attribute a ON attrelid = r.oid AND attnum > 0
WHERE relnamespace = %s::regnamespace ORDER BY 1, 2, 3
"""


def prepare(platform: Platform, scheme: str = "postgresql", tenants: list[str] = TENANTS) -> None:
    """The sample service, its env.py skipped, one schema after the other."""
    platform.only("accounts")
    platform.plan["tenants"] = tenants
    platform.policy(parallelism=1, max_failed_tenants=None)
    service = platform.plan["services"][0]
    service["skip_env"] = True
    platform.environ["ACCOUNTS_DATABASE_URL"] = platform.server.url(service["database"], scheme=scheme)


def add(platform: Platform, *bodies: str, parent: str = "a2") -> None:
    """Add revisions that say when they are asked."""
    for number, body in enumerate(bodies, 3):
        told = f"print('{ASKED}', flush=True)\n{body}"
        file = platform.add("accounts", f"r{number}", parent, f"step_{number}", told)
        file.write_text(file.read_text().replace("import context, op", "import op"))
        parent = f"r{number}"


def upgrade(platform: Platform, exchange: Path) -> tuple[Ended, int]:
    """How it ended, and how often revisions were asked for their statements."""
    worker = platform.worker("accounts", exchange, "--once")
    ended = platform.run("upgrade", "--workers", "external", "--exchange", str(exchange))
    return ended, "".join(worker.communicate(timeout=60)).count(ASKED)


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql+psycopg2"])
def test_plain_revisions_are_asked_twice(platform: Platform, exchange: Path, scheme: str) -> None:
    """All schemas are alike to the last constraint and row, and the manifest has each revision of each."""
    prepare(platform, scheme)
    add(platform, *PLAIN)
    ended, asked = upgrade(platform, exchange)
    assert (ended.code, asked) == (0, 2 * len(PLAIN)), ended
    schemas = [f"accounts_{tenant}" for tenant in TENANTS]
    with psycopg.connect(platform.server.url(platform.service("accounts")["database"])) as session:
        catalogs = [session.execute(CATALOG, [schema, schema]).fetchall() for schema in schemas]
        rows = [
            session.execute(f"SELECT * FROM {schema}.things ORDER BY id").fetchall() for schema in schemas
        ]
        heads = [session.execute(f"SELECT * FROM {schema}.alembic_version").fetchall() for schema in schemas]
        applied = session.execute(
            "SELECT schema, string_agg(revision || checksum || direction, ' ' ORDER BY id) "
            "FROM genmigrate.applied GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert any(row[1] == "alembic_version_pkc" for row in catalogs[0])
    assert catalogs == [catalogs[0]] * len(schemas)
    assert rows == [rows[0]] * len(schemas)
    assert rows[0][0] == (1, "100 % %s :name 'é' \\ ;")
    assert heads == [[("r9",)]] * len(schemas)
    assert [schema for schema, _ in applied] == schemas
    assert len({rest for _, rest in applied}) == 1
    again = platform.run("upgrade")
    assert (again.code, again.out.count("already up-to-date")) == (0, len(TENANTS))


@pytest.mark.parametrize(
    "body",
    [
        'op.get_bind().exec_driver_sql("SELECT 1")',
        'op.execute("SELECT 1")',
        "import os\nop.execute(f\"COMMENT ON TABLE accounts IS '{os.environ['ALEMBIC_SCHEMA']}'\")",
        "import uuid\nop.execute(f\"COMMENT ON TABLE accounts IS '{uuid.uuid4()}'\")",
        'with op.get_context().autocommit_block():\n    op.execute("CREATE INDEX CONCURRENTLY i ON accounts (email)")',
        'import helper\nop.execute("CREATE TABLE t (i int)")',
        'try:\n    op.execute("CREATE TABLE t (i int)")\nfinally:\n    pass',
        'op.execute("SAVEPOINT a")',
        'op.execute("SET LOCAL standard_conforming_strings = off")',
        'op.execute("CREATE TABLE a (i int); CREATE TABLE b (i int)")',
        'op.execute("CREATE TEMPORARY TABLE t (i int) ON COMMIT DROP")',
        "op.execute(\"INSERT INTO accounts SELECT 1 WHERE set_config('a.b', '1', true) = '2'\")",
        'o = op\no.execute("CREATE TABLE t (i int)")',
    ],
)
def test_a_revision_that_may_depend_is_asked_each_time(platform: Platform, exchange: Path, body: str) -> None:
    """And the plain ones before and after it are not."""
    prepare(platform, tenants=TENANTS[:4])
    (platform.root / "accounts/helper.py").write_text("")
    plain = 'op.execute("CREATE TABLE {} (i int)")'
    add(platform, plain.format("before"), body, plain.format("behind"), plain.format("last"))
    ended, asked = upgrade(platform, exchange)
    assert (ended.code, ended.out.count("step_6)"), asked) == (0, 4, 2 + 4 + 2 + 2), ended


def test_no_session_outlives_its_schema(platform: Platform) -> None:
    """One connection serves many: no setting, role, temporary table or prepared type reaches the next."""
    prepare(platform, tenants=TENANTS[:4])
    platform.server.query("DROP ROLE IF EXISTS other_owner")
    platform.server.query("CREATE ROLE other_owner SUPERUSER")
    add(
        platform,
        "op.execute(\"CREATE TABLE seen AS SELECT current_setting('a.b', true) AS b, current_user::text AS role\")",
        'op.execute("CREATE TEMP TABLE once AS SELECT current_schema() AS name")\n'
        'op.execute("CREATE TABLE copied AS SELECT * FROM once")',
        "op.execute(\"CREATE TYPE kind AS ENUM ('a', 'b')\")\nop.execute('CREATE TABLE kinds (k kind)')\n"
        "table = sa.table('kinds', sa.column('k', sa.Enum('a', 'b', name='kind')))\n"
        "op.bulk_insert(table, [{'k': 'a'}, {'k': 'b'}])\n"
        "for _ in range(10):\n    op.get_bind().execute(sa.select(table)).all()",
        "op.execute(\"SET a.b TO 'kept'\")\nop.execute('SET ROLE other_owner')",
    )
    ended = platform.run("upgrade")
    assert (ended.code, ended.out.count("step_6)")) == (0, 4), ended
    for tenant in TENANTS[:4]:
        ((setting, role),) = platform.query("accounts", f"SELECT b, role FROM accounts_{tenant}.seen")
        assert (setting or "", role) == ("", "postgres")
        assert platform.query("accounts", f"SELECT name FROM accounts_{tenant}.copied") == [
            (f"accounts_{tenant}",)
        ]
    platform.server.query(f"DROP DATABASE {platform.service('accounts')['database']} WITH (FORCE)")
    platform.server.query("DROP ROLE other_owner")


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql+psycopg2"])
def test_a_comment_ends_with_its_statement(platform: Platform, exchange: Path, scheme: str) -> None:
    """Statements that are sent together stay apart."""
    prepare(platform, scheme)
    add(
        platform,
        'op.execute("CREATE TABLE t (i int)")\nop.execute("CREATE TABLE u (i int) -- other")',
        'op.execute("INSERT INTO u VALUES (1), (2)")',
        'op.execute("INSERT INTO t SELECT 1 -- seed")\nop.execute("DELETE FROM u")',
    )
    ended, asked = upgrade(platform, exchange)
    assert (ended.code, asked) == (0, 2 * 3), ended
    for tenant in TENANTS:
        schema = f"accounts_{tenant}"
        rows = f"SELECT (SELECT array_agg(i) FROM {schema}.t), (SELECT count(*) FROM {schema}.u)"
        assert platform.query("accounts", rows) == [([1], 0)]


@pytest.mark.parametrize("skip_env", [True, False])
def test_what_a_revision_file_uses_up_is_there_for_each_schema(platform: Platform, skip_env: bool) -> None:
    prepare(platform, tenants=TENANTS[:3])
    platform.plan["services"][0]["skip_env"] = skip_env
    add(
        platform,
        'op.execute("CREATE TABLE t (i int)")\nop.bulk_insert(sa.table("t", sa.column("i")), list(ROWS))',
    )
    file = platform.root / "accounts/migrations/versions/r3_step_3.py"
    file.write_text(f'{file.read_text()}\n\nROWS = ({{"i": n}} for n in range(3))\n')
    ended = platform.run("upgrade")
    assert ended.code == 0, ended
    for tenant in TENANTS[:3]:
        assert platform.query("accounts", f"SELECT count(*) FROM accounts_{tenant}.t") == [(3,)]


def test_branches_are_left_to_alembic(platform: Platform, exchange: Path) -> None:
    """A history that forks and joins again, of which each revision is plain."""
    prepare(platform)
    for name, length in (("x", 4), ("y", 2)):
        for number in range(length):
            told = f"print('{ASKED}', flush=True)\nop.execute('CREATE TABLE {name}{number} (i int)')"
            parent = f"{name}{number - 1}" if number else "a2"
            file = platform.add("accounts", f"{name}{number}", parent, f"{name}_{number}", told)
            file.write_text(file.read_text().replace("import context, op", "import op"))
    platform.add("accounts", "m", ("x3", "y1"), "merge")
    ended, asked = upgrade(platform, exchange)
    assert (ended.code, asked) == (0, 6 * len(TENANTS)), ended
    for tenant in TENANTS:
        assert platform.version(f"accounts_{tenant}") == "m"


def test_what_fails_in_one_schema_is_told_as_ever(platform: Platform) -> None:
    """With the line of the revision file, which the statements alone do not know."""
    prepare(platform)
    assert platform.run("upgrade").code == 0
    platform.query("accounts", "INSERT INTO accounts_t4.accounts (id, email) VALUES (1, 'a'), (2, 'a')")
    unique = 'op.create_index("once", "accounts", ["email"], unique=True)'
    add(platform, 'op.execute("CREATE TABLE fine (i int)")', unique)
    ended = platform.run("upgrade")
    where = ended.lines.index(
        '  ✗ accounts_t4 failed at step_4: could not create unique index "once" (SQLSTATE 23505)'
    )
    assert ended.lines[where + 1 : where + 3] == [
        "    → migrations/versions/r4_step_4.py line 12",
        "    → accounts_t4 is at step_3, this run applied step_3",
    ]
    assert ended.lines[-1].startswith("6 schemas: 0 up-to-date, 5 applied, 1 failed, 0 skipped")
    assert platform.query(
        "accounts", "SELECT count(*) FROM genmigrate.applied WHERE schema = 'accounts_t4'"
    ) == [(3,)]


def test_a_lock_is_waited_for_and_named(platform: Platform) -> None:
    prepare(platform)
    assert platform.run("upgrade").code == 0
    add(platform, 'op.add_column("accounts", sa.Column("note", sa.Text))')
    with psycopg.connect(platform.server.url(platform.service("accounts")["database"])) as holder:
        holder.execute("LOCK TABLE accounts_t3.accounts")
        ended = platform.run("upgrade")
        pid = holder.info.backend_pid
    assert ended.code == 4
    (line,) = [line for line in ended.lines if line.startswith("  ✗")]
    assert line.startswith("  ✗ accounts_t3 locked at step_3: canceling statement due to lock timeout")
    assert f"blocked by pid {pid} (" in line
    assert platform.run("upgrade").code == 0


def test_a_version_that_somebody_else_moved_is_not_overwritten(platform: Platform) -> None:
    """A trigger stands for a person with Alembic at the same moment: nothing is applied on top of it."""
    prepare(platform)
    assert platform.run("upgrade").code == 0
    body = "RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    platform.query("accounts", f"CREATE FUNCTION accounts_t5.never() {body}")
    platform.query(
        "accounts",
        "CREATE TRIGGER never BEFORE UPDATE ON accounts_t5.alembic_version "
        "FOR EACH ROW EXECUTE FUNCTION accounts_t5.never()",
    )
    add(platform, 'op.execute("CREATE TABLE noted (i int)")')
    ended = platform.run("upgrade")
    assert ended.code == 1
    (line,) = [line for line in ended.lines if line.startswith("  ✗")]
    assert line.startswith("  ✗ accounts_t5 failed at step_3"), ended
    assert platform.query("accounts", "SELECT to_regclass('accounts_t5.noted')") == [(None,)]


def waiting(platform: Platform, lock_timeout_ms: int = 1500) -> psycopg.Connection[tuple[object, ...]]:
    """A run has come as far as t4, whose table is locked by what is returned: t5 is locked and looked at already."""
    prepare(platform)
    platform.plan["session"]["lock_timeout_ms"] = lock_timeout_ms
    assert platform.run("upgrade").code == 0
    add(platform, 'op.add_column("accounts", sa.Column("note", sa.Text))')
    other = psycopg.connect(platform.server.url(platform.service("accounts")["database"]))
    other.execute("LOCK TABLE accounts_t4.accounts")
    return other


def test_what_waits_for_a_hand_is_not_kept_from_another_runner(platform: Platform) -> None:
    with waiting(platform, 20_000) as other:
        run = platform.start("upgrade")
        until(lambda: platform.query("accounts", BLOCKED))
        assert platform.run("upgrade", "--tenant", "t5", "--timeout", "10").code == 0
        other.rollback()
    out, _ = run.communicate(timeout=60)
    assert (run.returncode, "1 up-to-date, 5 applied" in out) == (0, True), out


def test_a_stop_while_the_next_schema_is_looked_at(platform: Platform) -> None:
    """Its version table is locked: that look is cancelled as well, and nothing is called a failure for it."""
    with waiting(platform, 20_000) as other:
        other.execute("LOCK TABLE accounts_t3.accounts")
        run = platform.start("upgrade")
        until(lambda: platform.query("accounts", BLOCKED.replace("t4", "t3")))
        time.sleep(0.5)  # t4 is ready
        with psycopg.connect(other.info.dsn, password=other.info.password) as third:
            third.execute("LOCK TABLE accounts_t5.alembic_version")
            other.rollback()
            other.execute("LOCK TABLE accounts_t4.accounts")
            until(lambda: platform.query("accounts", LOOKS))
            run.terminate()
            out, _ = run.communicate(timeout=60)
    assert run.returncode == 10, out
    assert " failed, 1 skipped" in out
    assert "accounts failed" not in out


LOOKS = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'accounts_t5.alembic_version'::regclass"
BLOCKED = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'accounts_t4.accounts'::regclass"
LOCKED = (
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid <> %s "
    "AND ((classid::bigint << 32) | objid::bigint) = %s"
)


def test_nothing_is_sent_without_the_schema_s_own_lock(platform: Platform) -> None:
    """What still works in it, of a run that was killed, is waited for."""
    with waiting(platform) as other:
        run = platform.start("upgrade")
        until(lambda: platform.query("accounts", BLOCKED))
        until(lambda: other.execute(LOCKED, [0, key_of("accounts_t5")]).fetchall())
        other.execute("SELECT pg_advisory_lock(%s)", [key_of("statements in accounts_t5")])
        other.commit()
        until(lambda: platform.version("accounts_t4") == "r3")
        time.sleep(1)
        assert platform.version("accounts_t5") == "a2"
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 0, out
    assert platform.query(
        "accounts", "SELECT count(*) FROM genmigrate.applied WHERE revision = 'r3' GROUP BY schema"
    ) == [(1,)] * len(TENANTS)


def test_nothing_is_committed_without_the_runner_s_lock(platform: Platform) -> None:
    with waiting(platform) as other:
        run = platform.start("upgrade")
        until(lambda: platform.query("accounts", BLOCKED))
        cut = LOCKED.replace("1", "pg_terminate_backend(pid)", 1)
        assert other.execute(cut, [0, key_of("accounts_t4")]).fetchall() == [(True,)]
        other.rollback()
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 3, out
    assert "accounts_t4 unreachable at step_3: the session that holds the lock of accounts_t4 was cut" in out
    assert "4 applied, 1 failed, 1 skipped" in out
    assert platform.version("accounts_t4") == "a2"
    assert platform.run("upgrade").code == 0


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("import sqlalchemy as sa\nfrom alembic import op\nop.execute('x')", True),
        ("from sqlalchemy.dialects import postgresql\nimport datetime, uuid", True),
        ("from alembic import op, context", False),
        ("import alembic", False),
        ("from app.models import User", False),
        ("from . import helper", False),
        ("import os", False),
        ("import time", False),
        ("from sqlalchemy import create_engine", False),
        ("import sqlalchemy as sa\nsa.create_engine('x')", False),
        ("from sqlalchemy import create_engine as make", False),
        ("f = op.get_bind", False),
        ("getattr(op, 'get' + '_bind')", False),
        ("open('/etc/passwd')", False),
        ("__import__('os')", False),
        ("exec('x')", False),
        ("from alembic import op as o", False),
        ("from alembic import op\nop.create_audit('x')", False),
        ("try:\n    pass\nexcept ValueError:\n    pass", False),
        ("ROWS = (n for n in [1])", False),
        ("ROWS = map(str, [1])", False),
        ("import functools\n@functools.cache\ndef f(): return 1", False),
        ("N = 0\ndef upgrade():\n    global N", False),
        ("if True:\n    N = 1", False),
        (
            "import sqlalchemy as sa\nt = sa.table('t', sa.column('c'))\nROWS = [{'c': n} for n in range(3)]",
            True,
        ),
    ],
)
def test_is_plain(tmp_path: Path, text: str, plain: bool) -> None:
    file = tmp_path / "revision.py"
    file.write_text(text)
    assert is_plain(file) is plain
