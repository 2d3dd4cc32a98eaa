"""A schema as a document, what two of them differ in, and the verdict of `verify`."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from genmigrate import history, manifest, plan, snapshot, take, verify
from genmigrate.codes import RunError
from genmigrate.exchange import new_id
from genmigrate.job import Job
from genmigrate.session import Session
from genmigrate.url import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.postgres import Server

    from .conftest import Platform

pytestmark = pytest.mark.minutes

SERVICE = "accounts"
UPGRADE = "python3 -m genmigrate upgrade"
RICH = """
CREATE TYPE mood AS ENUM ('sad', 'o''k');
CREATE DOMAIN amount AS numeric(10, 2) DEFAULT 0 CHECK (VALUE >= 0);
CREATE TYPE pair AS (a int, b mood);
CREATE TABLE parents (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE);
CREATE TABLE users (id serial PRIMARY KEY, mood mood DEFAULT 'sad', cost amount, twice int GENERATED ALWAYS AS (1 + 1)
  STORED, parent bigint REFERENCES parents (id) ON DELETE CASCADE, CHECK (id > 0), tag varchar(3) DEFAULT 'x');
CREATE INDEX ix_mood ON users (lower(tag)) WHERE id > 5;
CREATE VIEW happy AS SELECT u.id FROM users u JOIN parents p ON p.id = u.parent;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM users;
CREATE UNIQUE INDEX ix_counted ON counted (n);
CREATE SEQUENCE numbers START 5 CYCLE;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SET search_path TO '{n}' AS
  $$BEGIN UPDATE {s}.parents SET name = 'x'; RETURN new; END$$;
CREATE TRIGGER touched AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON users FOR SELECT USING (id = 1);
CREATE TABLE events (at date PRIMARY KEY, kind text DEFAULT 'default') PARTITION BY RANGE (at);
CREATE TABLE visits (at date REFERENCES events);
CREATE TABLE alembic_version (version_num text PRIMARY KEY);
"""
KEYS = """function touch()
materialized view counted
sequence numbers
sequence users_id_seq
table counted: index ix_counted
table events
table events: column at
table events: column kind
table events: constraint events_pkey
table parents
table parents: column id
table parents: column name
table parents: constraint parents_name_key
table parents: constraint parents_pkey
table users
table users: column cost
table users: column id
table users: column mood
table users: column parent
table users: column tag
table users: column twice
table users: constraint users_id_check
table users: constraint users_parent_fkey
table users: constraint users_pkey
table users: index ix_mood
table users: policy own
table users: trigger touched
table visits
table visits: column at
table visits: constraint visits_at_fkey
type amount
type mood
type pair
view happy"""


@pytest.fixture
def database(platform: Platform) -> str:
    name = str(platform.service(SERVICE)["database"])
    platform.server.query(f"CREATE DATABASE {name}")
    return name


@pytest.fixture
def session(server: Server, database: str) -> Iterator[Session]:
    opened = Session(psycopg, parse(server.url(database), "X"), "test")
    yield opened
    opened.close()


def make(session: Session, schema: str, script: str = RICH) -> None:
    session.rows(f'CREATE SCHEMA IF NOT EXISTS "{schema}"; SET search_path TO "{schema}"')
    session.rows(
        script.replace("{n}", schema).replace("{s}", f'"{schema}"' if schema == "default" else schema)
    )
    session.rows("RESET search_path")


def described(session: Session, schema: str) -> dict[str, str]:
    return snapshot.describe(session, schema, "alembic_version")


def test_a_description_has_everything_but_the_schema(session: Session) -> None:
    session.rows("CREATE SCHEMA ext; CREATE EXTENSION IF NOT EXISTS plpgsql")
    found = []
    for schema in ("default", "tenant_2", "mood"):
        make(session, schema)
        found.append(described(session, schema))
    assert found[0] == found[1] == found[2]
    assert "\n".join(found[0]) == KEYS
    document = json.dumps(found)
    assert ("tenant_2" in document, document.count("{schema}.parents")) == (False, 3)
    assert "SET search_path TO '{schema}'" in found[0]["function touch()"]
    assert found[0]["table users: column mood"] == "mood DEFAULT 'sad'::mood"
    assert found[0]["table users: column twice"] == "integer GENERATED s (1 + 1)"
    assert found[0]["table parents: column id"] == "bigint NOT NULL IDENTITY ALWAYS"
    assert found[0]["table parents: column name"] == 'text COLLATE "C" NOT NULL'
    assert found[0]["table users: constraint users_parent_fkey"] == (
        "FOREIGN KEY (parent) REFERENCES parents(id) ON DELETE CASCADE"
    )
    assert session.rows("SHOW search_path") == [('"$user", public',)]


def test_a_session_s_own_settings_change_no_spelling(session: Session) -> None:
    make(
        session,
        "one",
        """CREATE TABLE t (at timestamptz DEFAULT '2020-03-04 05:06:07+00', day date DEFAULT '2020-03-04',
        long interval DEFAULT '1 day 02:00', raw bytea DEFAULT '\\x00ff', price money DEFAULT 5::money,
        half float DEFAULT '0.1'::float, CHECK (at > '2001-01-01 00:00+00'::timestamptz))""",
    )
    before = described(session, "one")
    theirs = {
        "TimeZone": "Asia/Kolkata",
        "DateStyle": "German, DMY",
        "IntervalStyle": "iso_8601",
        "bytea_output": "escape",
        "extra_float_digits": "-15",
        "quote_all_identifiers": "on",
    }
    for setting, value in theirs.items():
        session.rows(f"SET {setting} = '{value}'")
    assert described(session, "one") == before
    assert "05:06:07+00" in before["table t: column at"]


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (
            "ALTER TABLE users DROP tag",
            ["table users: column tag is missing", "table users: index ix_mood is missing"],
        ),
        ("ALTER TABLE users ADD extra int", ["table users: column extra is not in the migrations"]),
        ("CREATE INDEX ix_x ON users (id)", ["table users: index ix_x is not in the migrations"]),
        (
            "ALTER TABLE users ALTER tag SET NOT NULL",
            [
                "table users: column tag is character varying(3) NOT NULL DEFAULT 'x'::character varying, "
                "in the migrations character varying(3) DEFAULT 'x'::character varying"
            ],
        ),
        (
            "ALTER TABLE users ALTER cost TYPE int",
            ["table users: column cost is integer, in the migrations amount"],
        ),
        ("ALTER TABLE users ALTER tag DROP DEFAULT", 1),
        ("ALTER TABLE users ALTER twice DROP EXPRESSION", 1),
        ("ALTER TABLE parents ALTER id DROP IDENTITY", 1),
        ('ALTER TABLE parents ALTER name TYPE text COLLATE "POSIX"', 1),
        (
            "ALTER TABLE users DROP CONSTRAINT users_id_check",
            ["table users: constraint users_id_check is missing"],
        ),
        ("DROP INDEX ix_counted", ["table counted: index ix_counted is missing"]),
        ("CREATE OR REPLACE VIEW happy AS SELECT id FROM users", 1),
        ("ALTER VIEW happy SET (security_barrier)", 1),
        ("ALTER SEQUENCE numbers NO CYCLE", 1),
        (
            "ALTER TYPE mood ADD VALUE 'new'",
            ["type mood is ENUM 'sad', 'o''k', 'new', in the migrations ENUM 'sad', 'o''k'"],
        ),
        ("ALTER DOMAIN amount SET NOT NULL", 1),
        ("ALTER TYPE pair ADD ATTRIBUTE c int", 1),
        (
            "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            ["function touch() is defined otherwise than in the migrations"],
        ),
        (
            "CREATE AGGREGATE top(int) (SFUNC = int4larger, STYPE = int)",
            ["function top(integer) is not in the migrations"],
        ),
        ("ALTER TABLE users DISABLE TRIGGER touched", 1),
        ("ALTER POLICY own ON users USING (id = 2)", 1),
        (
            "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
            ["table users is ordinary, in the migrations ordinary row security"],
        ),
        ("CREATE TABLE more (id int PRIMARY KEY)", ["table more is not in the migrations"]),
        ("DROP TABLE visits", ["table visits is missing"]),
        ("CREATE TYPE span AS RANGE (SUBTYPE = int)", 1),
        ("COMMENT ON TABLE users IS 'x'", []),
        ("ALTER TABLE users SET (fillfactor = 50)", []),
        ("CREATE TABLE events_1 PARTITION OF events DEFAULT", []),
        ("ALTER TABLE alembic_version ADD x int", []),
    ],
)
def test_each_change_is_a_sentence(session: Session, change: str, sentences: list[str] | int) -> None:
    make(session, "one")
    make(session, "two")
    expected = described(session, "one")
    session.rows(f"SET search_path TO two; {change}")
    found = snapshot.compare(expected, described(session, "two"))
    assert (len(found) if isinstance(sentences, int) else found) == sentences, found


def test_objects_of_extensions_are_not_ours(session: Session) -> None:
    make(session, "one", "CREATE TABLE t (i int)")
    before = described(session, "one")
    session.rows("CREATE FUNCTION one.theirs() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    session.rows("CREATE TABLE one.theirs (i int); CREATE TYPE one.their AS ENUM ('a')")
    for kind, name in (("FUNCTION", "one.theirs()"), ("TABLE", "one.theirs"), ("TYPE", "one.their")):
        session.rows(f"ALTER EXTENSION plpgsql ADD {kind} {name}")
    assert described(session, "one") == before


def test_differences_are_not_repeated_for_what_a_table_holds() -> None:
    expected = {"table a": "ordinary", "table a: column i": "int"}
    actual = {"table b": "ordinary", "table b: column i": "int", "function f()": "x\ny"}
    assert snapshot.compare(expected, actual) == [
        "function f() is not in the migrations",
        "table a is missing",
        "table b is not in the migrations",
    ]
    assert snapshot.compare({"view v": "a" * 90}, {"view v": "b"}) == [
        "view v is defined otherwise than in the migrations"
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no snapshot of the schema in "),
        ("[]", "is not a snapshot"),
        ("{", "is not a snapshot"),
        ('{"version": 2, "head": "x", "server": 16, "objects": {}}', "is not a snapshot"),
        ('{"version": 1, "head": "x"}', "is not a snapshot"),
    ],
)
def test_a_file_that_is_no_snapshot(tmp_path: Path, text: str | None, reason: str) -> None:
    file = tmp_path / "schema.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(RunError) as caught:
        snapshot.load(file)
    assert (caught.value.word, reason in caught.value.reason) == ("usage", True)
    take.save(file, "x", 16, {"table é": "ordinary"})
    assert snapshot.load(file)["objects"] == {"table é": "ordinary"}
    assert file.read_bytes().startswith(b'{\n "version": 1,\n "head": "x",\n "server": 16,\n')


class Commands:
    """The commands of a worker, run in this process on what `platform` holds."""

    def __init__(self, platform: Platform, session: Session) -> None:
        self.platform = platform
        self.session = session

    def upgrade(self, environment: str = "local", *schemas: str) -> None:
        """Bring all to the head, and write what a run of that environment would leave in the manifest."""
        assert self.platform.run("upgrade").code == 0
        past = history.read(self.platform.root / SERVICE, "alembic.ini")
        assert manifest.prepare(self.session)
        run = new_id()
        manifest.begin_run(self.session, run, SERVICE, environment, "upgrade", "digest", past)
        for schema in schemas or ("accounts_default", "accounts_to_shiba"):
            for each in past.revisions.values():
                values = (run, SERVICE, schema, each.id, each.slug, each.checksum, "up", 0.1)
                self.session.rows(manifest.applied_statement(*values, ends_block=False) + " 1")

    def run(self, command: Callable[[Job], None], **order: Any) -> tuple[list[str], list[int]]:
        read = plan.load(self.platform.plan_file)
        (service,) = read.services
        lines: list[str] = []
        exchange = SimpleNamespace(
            append=lambda name, *records: lines.extend(each["text"] for each in records)
        )
        watch = SimpleNamespace(check=lambda: None)
        job = Job(
            read,
            service,
            read.targets(service),
            {"run": "r", **order},
            exchange,
            "w",
            watch,
            self.platform.plan_file,
        )
        command(job)
        return lines, job.codes

    def refused(self, command: Callable[[Job], None], **order: Any) -> str:
        with pytest.raises(RunError) as caught:
            self.run(command, **order)
        return f"{caught.value.word}: {caught.value.reason}"

    def query(self, statement: str) -> None:
        self.platform.query(SERVICE, statement)


@pytest.fixture
def commands(platform: Platform, session: Session, monkeypatch: pytest.MonkeyPatch) -> Commands:
    platform.only(SERVICE)
    monkeypatch.chdir(platform.root / SERVICE)
    monkeypatch.setenv("PGOPTIONS", "")
    monkeypatch.setenv("PGAPPNAME", "")
    monkeypatch.setenv("ACCOUNTS_DATABASE_URL", platform.urls()["ACCOUNTS_DATABASE_URL"])
    return Commands(platform, session)


VERIFIED = ["  ✓ accounts_default verified", "  ✓ accounts_to_shiba verified"]


def test_verify_and_drift(commands: Commands) -> None:
    commands.upgrade()
    assert commands.run(verify.verify) == (VERIFIED, [])
    assert commands.refused(verify.verify, drift=True).startswith("usage: no snapshot of the schema in ")
    lines, codes = commands.run(take.take)
    file = commands.platform.root / SERVICE / "migrations" / "schema.json"
    assert (lines, codes) == ([f"  ✓ accounts snapshot at add_email: 5 objects in {file}"], [])
    assert json.loads(file.read_text())["head"] == "a2"
    assert commands.run(verify.verify, drift=True) == (VERIFIED, [])
    commands.query("ALTER TABLE accounts_to_shiba.accounts DROP email, ADD phone text")
    commands.query("CREATE INDEX ix_x ON accounts_to_shiba.accounts (phone)")
    assert commands.run(verify.verify) == (VERIFIED, []), "not asked for"
    commands.platform.plan["policy"] = {
        "parallelism": 1,
        "canary": [],
        "max_failed_tenants": 0,
        "lock_retries": 0,
        "verify": "drift",
        "max_downgrade": 0,
    }
    assert commands.run(verify.verify) == (
        [
            "  ✓ accounts_default verified",
            "  ✗ accounts_to_shiba drifted: 3 differences from what the migrations make",
            "    → table accounts: column email is missing",
            "    → table accounts: column phone is not in the migrations",
            "    → table accounts: index ix_x is not in the migrations",
        ],
        [1],
    )
    for number in range(10):
        commands.query(f"CREATE TABLE accounts_to_shiba.t{number:02} (i int)")
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "server": 9}))
    lines, codes = commands.run(verify.verify)
    assert (len(lines), lines[-1], codes) == (13, "    → and 4 more", [1])
    commands.query("DROP SCHEMA accounts_to_shiba CASCADE; CREATE SCHEMA accounts_to_shiba")
    file.write_text(json.dumps({**document, "server": 9, "objects": {**document["objects"], "view v": ""}}))
    assert commands.run(verify.verify)[0][:3] == [
        "  ✗ accounts_default drifted: 2 differences from what the migrations make",
        "    → view v is missing",
        f"    → the snapshot is of PostgreSQL 9, this is {document['server']}: it may spell some otherwise",
    ]


def test_verify_wants_every_schema_at_the_head(commands: Commands) -> None:
    commands.upgrade()
    commands.platform.add(SERVICE, "a3", "a2", "add_z")
    commands.query("DROP SCHEMA accounts_to_shiba CASCADE")
    ended = commands.platform.run("verify")
    assert (ended.code, ended.lines) == (
        1,
        [
            "  ✗ accounts_default pending: accounts_default lacks add_z",
            f"    → {UPGRADE}",
            "  ✗ accounts_to_shiba missing-schema: accounts_to_shiba lacks create_accounts, add_email, add_z",
            f"    → {UPGRADE}",
        ],
    )
    file = commands.platform.root / SERVICE / "migrations" / "schema.json"
    take.save(file, "a2", 16, {})
    assert commands.refused(verify.verify, drift=True) == (
        f"usage: {file} is of revision a2, the migrations are at a3"
    )


def test_verify_finds_edited_files_and_dirt(commands: Commands) -> None:
    commands.upgrade()
    file = commands.platform.root / SERVICE / "migrations" / "versions" / "a2_add_email.py"
    file.write_text(file.read_text() + "# edited\n")
    commands.query("CREATE TABLE accounts_default.t (i int)")
    commands.query("INSERT INTO accounts_default.t VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        commands.query("CREATE UNIQUE INDEX CONCURRENTLY ix ON accounts_default.t (i)")
    ended = commands.platform.run("verify")
    assert ended.lines == [
        "  ✗ accounts edited: a2_add_email.py is not what was applied to 2 schemas, accounts_default among them",
        "    → bring the file back as it was, and make the change a new revision",
        '  ✗ accounts_default dirty: in accounts_default index "accounts_default"."ix" is invalid',
        '    → DROP INDEX CONCURRENTLY "accounts_default"."ix"',
        "  ✓ accounts_to_shiba verified",
    ]
    assert ended.code == 1


def test_verify_without_a_manifest_says_so(commands: Commands) -> None:
    assert commands.platform.run("upgrade").code == 0
    commands.query("DROP SCHEMA IF EXISTS genmigrate CASCADE")
    note = "accounts: no manifest tells whether a file was edited after it was applied"
    ended = commands.platform.run("verify")
    assert (ended.code, ended.lines, ended.err) == (0, VERIFIED, f"{note}\n")


def test_a_snapshot_is_made_by_the_migrations_alone(commands: Commands) -> None:
    commands.upgrade()
    file = commands.platform.root / SERVICE / "migrations" / "schema.json"

    def refusal() -> str:
        return commands.refused(take.take)

    commands.platform.plan.update(environment="production", create_databases=False)
    assert refusal() == "refused: a snapshot is what the migrations make, it is never taken from production"
    commands.platform.plan.update(environment="local", create_databases=True)
    commands.query("ALTER TABLE accounts_to_shiba.accounts ADD phone text")
    assert refusal() == (
        "refused: in accounts_to_shiba table accounts: column phone is not in the migrations, "
        "unlike in the schema before"
    )
    commands.query("ALTER TABLE accounts_to_shiba.accounts DROP phone")
    unproven = (
        "refused: no manifest tells that accounts_default was made from nothing by the files as they are"
    )
    commands.upgrade("production", "accounts_default")
    assert refusal() == unproven, "production's runner was here last"
    commands.upgrade()
    commands.run(take.take)
    file.unlink()
    versions = file.parent / "versions"
    text = (versions / "a2_add_email.py").read_text()
    (versions / "a2_add_email.py").write_text(text + "# edited\n")
    assert refusal() == unproven
    (versions / "a2_add_email.py").write_text(text)
    commands.session.rows(
        manifest.applied_statement(
            "local", SERVICE, "accounts_default", "a2", "add_email", "x", "down", 0, ends_block=False
        )
        + " 1"
    )
    assert refusal() == unproven, "something was undone since"
    commands.platform.add(SERVICE, "a3", "a2", "add_z")
    assert refusal() == "refused: schema accounts_default is pending"
    commands.query("DROP SCHEMA genmigrate CASCADE")
    (versions / "a3_add_z.py").unlink()
    assert refusal() == unproven
    assert not file.exists()
