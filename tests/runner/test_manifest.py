"""What runs leave behind in the database, and what later runs of other images conclude from it."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import psycopg
import psycopg2
import pytest
import sqlalchemy as sa

from genmigrate import history, manifest, survey
from genmigrate.lock import key_of
from genmigrate.plan import Target
from genmigrate.session import Session
from genmigrate.url import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres import Server

    from .conftest import Platform

SERVICE = "accounts"
AWKWARD = "100% o'clock \\ :x %s $1 {y} é"


@pytest.fixture
def database(platform: Platform) -> str:
    """The database of accounts, empty."""
    name = str(platform.service(SERVICE)["database"])
    platform.server.query(f"CREATE DATABASE {name}")
    return name


@pytest.fixture(params=[psycopg, psycopg2], ids=["psycopg", "psycopg2"])
def session(request: pytest.FixtureRequest, server: Server, database: str) -> Iterator[Session]:
    opened = Session(request.param, parse(server.url(database), "X"), "test")
    yield opened
    opened.close()


@pytest.fixture
def past(platform: Platform) -> history.History:
    return history.read(platform.root / SERVICE, "alembic.ini")


def state(word: str, *current: str, schema: str = "s1") -> survey.State:
    return survey.State(Target("default", schema, schema, schema), word, current)


def extend(file: Path, line: str) -> None:
    file.write_text(f"{file.read_text()}{line}\n")


def begin(session: Session, past: history.History, run: str = "run1") -> None:
    assert manifest.prepare(session)
    manifest.begin_run(session, run, SERVICE, "local", "upgrade", "d1", past)


def apply(
    session: Session, schema: str, revision: history.Revision, direction: str = "up", run: str = "run1"
) -> None:
    session.rows(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    arguments = (run, SERVICE, schema, revision.id, revision.slug, revision.checksum, direction, 0.25)
    session.rows(manifest.applied_statement(*arguments, ends_block=True) + " 1")


def test_ten_runners_prepare_at_once(server: Server, database: str) -> None:
    gate, answers = threading.Barrier(10), []

    def prepare() -> None:
        mine = Session(psycopg, parse(server.url(database), "X"), "test")
        gate.wait()
        answers.append(manifest.prepare(mine))
        mine.close()

    threads = [threading.Thread(target=prepare) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert answers == [True] * 10


def test_a_role_without_the_right(
    server: Server, database: str, session: Session, past: history.History
) -> None:
    role = f"plain_{database}"
    server.query(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
    url = parse(f"postgresql://{role}:pw@127.0.0.1:{server.port}/{database}", "X")
    plain = Session(psycopg, url, "test")
    assert manifest.prepare(plain) is False
    assert manifest.known(plain, SERVICE) is None
    begin(session, past)
    assert manifest.prepare(plain) is False, "it is there, but not for this role"
    assert plain.rows(manifest.WRITABLE) == [(False,)]
    assert manifest.known(plain, SERVICE) is None
    assert manifest.edited(plain, SERVICE, past) is None
    assert manifest.unfinished(plain, SERVICE) == []
    assert manifest.as_document(plain, "run1", SERVICE) is None
    session.rows(f"GRANT ALL ON ALL TABLES IN SCHEMA genmigrate TO {role}")
    assert plain.rows(manifest.WRITABLE) == [(False,)]
    session.rows(f"GRANT USAGE ON SCHEMA genmigrate TO {role}")
    assert plain.rows(manifest.WRITABLE) == [(True,)]
    session.rows(f"REVOKE DELETE ON genmigrate.unfinished FROM {role}")
    assert plain.rows(manifest.WRITABLE) == [(False,)]
    session.rows(f"DROP SCHEMA genmigrate CASCADE; CREATE SCHEMA genmigrate AUTHORIZATION {role}")
    assert manifest.prepare(plain) is True, "an empty schema of the role's own needs no right on the database"
    plain.close()


def test_without_a_manifest(session: Session, past: history.History) -> None:
    assert manifest.known(session, SERVICE) is None
    assert manifest.edited(session, SERVICE, past) is None
    assert manifest.unfinished(session, SERVICE) == []
    assert manifest.as_document(session, "run1", SERVICE) is None
    assert manifest.tell_dirty(session, SERVICE, [state("pending")], past) == [state("pending")]


def test_the_graph_is_learnt_and_corrected(
    platform: Platform, session: Session, past: history.History
) -> None:
    begin(session, past)
    assert manifest.known(session, SERVICE) == {"a1": ([], "create_accounts"), "a2": (["a1"], "add_email")}
    extend(platform.add(SERVICE, "a3", ("a2",), "needy"), 'depends_on = ["a1"]')
    begin(session, history.read(platform.root / SERVICE, "alembic.ini"), "run2")
    begin(session, past, "run3")
    assert manifest.known(session, SERVICE) == {
        "a1": ([], "create_accounts"),
        "a2": (["a1"], "add_email"),
        "a3": (["a2", "a1"], "needy"),
    }
    runs = "SELECT revision, run FROM genmigrate.revisions ORDER BY 1"
    assert session.rows(runs) == [("a1", "run1"), ("a2", "run1"), ("a3", "run2")], (
        "only what changed is written"
    )
    begin(session, history.History({"a2": past.revisions["a2"]._replace(parents=())}, "a2"), "run4")
    assert manifest.known(session, SERVICE)["a2"] == ([], "add_email")
    assert manifest.known(session, "another") == {}


GRAPH: manifest.Known = {
    "a1": ([], "a"),
    "a2": (["a1"], "b"),
    "a3": (["a2"], "c"),
    "b2": (["a1"], "branch"),
    "m": (["a3", "b2"], "merge"),
}


@pytest.mark.parametrize(
    ("current", "head", "ahead"),
    [
        (("a3",), "a2", True),
        (("m",), "a2", True),
        (("m",), "b2", True),
        (("b2",), "a2", False),
        (("a3",), "b2", False),
        (("zzz",), "a2", False),
        (("a2", "zzz"), "a2", False),
        (("a3", "b2"), "a2", True),
        (("a3",), "unlearnt", False),
        (("unlearnt", "a3"), "unlearnt", True),
    ],
)
def test_ahead_is_a_known_descendant(current: tuple[str, ...], head: str, ahead: bool) -> None:
    assert manifest.is_ahead(GRAPH, current, head) is ahead


def test_states_that_are_ahead(past: history.History) -> None:
    states = [state("unknown-revision", "a3"), state("unknown-revision", "b2"), state("pending", "a1")]
    told = manifest.tell_ahead(SERVICE, states, GRAPH, past)
    assert [each.word for each in told] == ["ahead", "unknown-revision", "pending"]
    assert told[0].reason == "schema s1 is at c, newer than this image's add_email"
    assert "downgrade --service accounts --to a2" in told[0].way_out
    assert manifest.tell_ahead(SERVICE, states, None, past) == states


def test_edited_after_it_was_applied(platform: Platform, session: Session, past: history.History) -> None:
    begin(session, past)
    for schema in ("s1", "s2", "s3"):
        for revision in past.revisions.values():
            apply(session, schema, revision)
    assert manifest.edited(session, SERVICE, past) == []
    file = past.revisions["a2"].file
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert manifest.edited(session, SERVICE, history.read(platform.root / SERVICE, "alembic.ini")) == []
    file.write_bytes(file.read_bytes() + b"# edited")
    now = history.read(platform.root / SERVICE, "alembic.ini")
    assert manifest.edited(session, SERVICE, now) == [(now.revisions["a2"], 3, "s1")]
    apply(session, "s1", past.revisions["a2"], "down")
    assert manifest.edited(session, SERVICE, now) == [(now.revisions["a2"], 2, "s2")]
    apply(session, "s2", now.revisions["a2"], "down")
    apply(session, "s2", now.revisions["a2"], "up")
    session.rows("DROP SCHEMA s3")
    assert manifest.edited(session, SERVICE, now) == [], "what is applied now is as the files are"


def test_a_run_as_a_document(session: Session, past: history.History) -> None:
    begin(session, past)
    apply(session, "s0", past.revisions["a1"], run="another")
    for schema in ("s2", "s1"):
        for revision in past.revisions.values():
            apply(session, schema, revision)
    apply(session, "s3", past.revisions["a2"])
    open_document = manifest.as_document(session, "run1", SERVICE)
    assert open_document is not None
    assert (open_document["ended"], open_document["code"]) == (None, None)
    manifest.end_run(session, "run1", SERVICE, 1, {"applied": 3, "why": AWKWARD})
    document = json.loads(json.dumps(manifest.as_document(session, "run1", SERVICE)))
    assert {
        key: document[key] for key in ("run", "service", "environment", "command", "plan_digest", "code")
    } == {
        "run": "run1",
        "service": SERVICE,
        "environment": "local",
        "command": "upgrade",
        "plan_digest": "d1",
        "code": 1,
    }
    assert document["summary"] == {"applied": 3, "why": AWKWARD}
    assert document["started"] < document["ended"]
    ways = {key: (way["from"], way["to"], way["seconds"]) for key, way in document["schemas"].items()}
    assert ways == {"s1": ([], ["a2"], 0.5), "s2": ([], ["a2"], 0.5), "s3": (["a1"], ["a2"], 0.25)}
    first = document["schemas"]["s1"]["applied"][0]
    assert (first["revision"], first["checksum"]) == ("a1", past.revisions["a1"].checksum)
    begin(session, past, "run2")
    for name in ("a2", "a1"):
        apply(session, "s1", past.revisions[name], "down", "run2")
    undone = manifest.as_document(session, "run2", SERVICE)
    assert undone is not None
    assert (undone["schemas"]["s1"]["from"], undone["schemas"]["s1"]["to"]) == (["a2"], [])
    assert manifest.as_document(session, "run3", SERVICE) is None


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "asyncpg"])
def test_statements_for_any_driver(session: Session, server: Server, database: str, driver: str) -> None:
    """env.py's connection is whatever SQLAlchemy drives, also with literals as strings with backslashes."""
    assert manifest.prepare(session)
    statements = (
        manifest.unfinished_statement("r", SERVICE, AWKWARD, "a1"),
        manifest.unfinished_statement("r", SERVICE, AWKWARD, "a1", "down"),
        manifest.applied_statement("r", SERVICE, "s1", "a1", AWKWARD, "c", "up", 1.5, ends_block=True) + " 1",
    )
    assert not any("%" in each for each in statements)
    url = server.url(database, scheme=f"postgresql+{driver}")
    for conforming in ("on", "off"):
        run_all(url, driver, [f"SET standard_conforming_strings TO {conforming}", *statements])
    assert session.rows("SELECT run, service, schema, revision, direction FROM genmigrate.unfinished") == [
        ("r", SERVICE, AWKWARD, "a1", "down")
    ]
    assert session.rows("SELECT DISTINCT name, seconds FROM genmigrate.applied") == [(AWKWARD, 1.5)]


def run_all(url: str, driver: str, statements: list[str]) -> None:
    if driver != "asyncpg":
        with sa.create_engine(url).begin() as connection:
            for each in statements:
                connection.exec_driver_sql(each)
        connection.engine.dispose()
        return
    import asyncio

    pytest.importorskip("asyncpg")
    from sqlalchemy.ext.asyncio import create_async_engine

    async def run() -> None:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            for each in statements:
                await connection.exec_driver_sql(each)
        await engine.dispose()

    asyncio.run(run())


def dirty(session: Session, past: history.History, *states: survey.State) -> list[tuple[str, str, str]]:
    told = manifest.tell_dirty(session, SERVICE, list(states), past)
    return [(each.word, each.reason, each.way_out) for each in told]


def invalid_index(session: Session, schema: str) -> None:
    session.rows(f"CREATE SCHEMA {schema} CREATE TABLE t (i int)")
    session.rows(f"INSERT INTO {schema}.t VALUES (1), (1)")
    with pytest.raises(session.errors):
        session.rows(f'CREATE UNIQUE INDEX CONCURRENTLY "ix-t" ON {schema}.t (i)')


def test_an_invalid_index_is_dirt(session: Session, past: history.History) -> None:
    invalid_index(session, "s1")
    invalid_index(session, "s2")
    words = dirty(
        session,
        past,
        state("pending", "a1"),
        state("missing-schema", schema="s2"),
        state("pending", schema="s3"),
    )
    assert words[0] == (
        "dirty",
        'in s1 index "s1"."ix-t" is invalid',
        'DROP INDEX CONCURRENTLY "s1"."ix-t"',
    )
    assert [word for word, _, _ in words] == ["dirty", "missing-schema", "pending"]
    session.rows('ALTER INDEX s1."ix-t" RENAME TO "ix-t_ccnew1"')
    assert dirty(session, past, state("pending", "a1"))[0][0] == "pending", "a REINDEX left it"
    session.rows("CREATE TABLE s1.p (i int) PARTITION BY RANGE (i)")
    session.rows("CREATE TABLE s1.p1 PARTITION OF s1.p DEFAULT")
    session.rows("CREATE INDEX ON ONLY s1.p (i)")
    assert dirty(session, past, state("pending", "a1"))[0][0] == "pending", (
        "its partitions' are attached later"
    )


def test_half_an_autocommit_block_is_dirt(session: Session, past: history.History) -> None:
    begin(session, past)
    session.rows(manifest.unfinished_statement("run1", SERVICE, "s1", "a2"))
    assert manifest.unfinished(session, SERVICE) == [("s1", "a2", "up")]
    assert manifest.unfinished(session, "another") == []
    ((word, reason, way_out),) = dirty(session, past, state("pending", "a1"))
    assert (word, reason) == ("dirty", "in s1 the autocommit block of add_email did not end")
    assert dirty(session, past, state("up-to-date", "a2"))[0][0] == "up-to-date", (
        "somebody finished it by hand"
    )
    session.rows(way_out.partition("then ")[2])
    assert dirty(session, past, state("pending", "a1"))[0][0] == "pending"
    session.rows(manifest.unfinished_statement("run1", SERVICE, "s1", "a2", "down"))
    assert dirty(session, past, state("up-to-date", "a2"))[0][0] == "dirty", "half undone"
    assert dirty(session, past, state("pending", "a1"))[0][0] == "pending", "undone by hand"
    apply(session, "s1", past.revisions["a2"], "down")
    assert manifest.unfinished(session, SERVICE) == [], "gone with the version row"


def test_work_in_progress_is_no_dirt(
    session: Session, past: history.History, server: Server, database: str
) -> None:
    begin(session, past)
    session.rows(manifest.unfinished_statement("run1", SERVICE, "s1", "a2"))
    session.rows("SELECT pg_advisory_lock(%s)", [key_of("s1")])
    assert dirty(session, past, state("pending", "a1"))[0][0] == "dirty", "this session holds the lock itself"
    other = Session(psycopg, parse(server.url(database), "X"), "test")
    assert dirty(other, past, state("pending", "a1"))[0][0] == "pending"
    session.rows("SELECT pg_advisory_unlock_all()")
    assert dirty(other, past, state("pending", "a1"))[0][0] == "dirty"
    other.close()


def test_a_revision_file_tells_about_itself(platform: Platform) -> None:
    def read() -> dict[str, history.Revision]:
        return history.read(platform.root / SERVICE, "alembic.ini").revisions

    body = "with op.get_context().autocommit_block():\n    pass"
    platform.add(SERVICE, "a3", "a2", "outside", body)
    platform.add(
        SERVICE, "a4", "a3", "concurrent", 'op.create_index("i", "t", ["c"], postgresql_concurrently=True)'
    )
    platform.add(SERVICE, "a5", "a4", "words", '"autocommit_block, postgresql_concurrently"')
    extend(platform.add(SERVICE, "a6", "a5", "data"), 'phase = "data"')
    extend(platform.add(SERVICE, "a7", "a6", "odd"), "phase = 1")
    found = read()
    assert {key for key, each in found.items() if each.alone} == {"a3", "a4"}
    assert {key: each.phase for key, each in found.items() if each.phase} == {"a6": "data"}
    assert len({each.checksum for each in found.values()}) == len(found)


def test_states_of_more_schemas_than_one_statement_reads(
    session: Session, past: history.History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each state once in each of several statements, with the versions in the schemas or beside them."""
    monkeypatch.setattr(survey, "CHUNK", 2)
    table, first, head = "alembic_version", next(iter(past.revisions)), str(past.head)
    made = {"up-to-date": [head], "pending": [first], "unknown-revision": ["zz"], "unstamped": []}
    words = [*made, "unversioned", "missing-schema"] * 3
    targets = []
    for number, word in enumerate(words):
        schema, place = f"s{number}", f"s{number}" if number % 2 else f"v{number}"
        targets.append(Target(str(number), schema, schema, place))
        if word == "missing-schema":
            continue
        for each in {schema, place}:
            session.rows(f"CREATE SCHEMA {each}")
        session.rows(f"CREATE TABLE {schema}.things (id int)")
        if word in made:
            session.rows(f"CREATE TABLE {place}.{table} (version_num varchar(32))")
            for revision in made[word]:
                session.rows(f"INSERT INTO {place}.{table} VALUES (%s)", [revision])
    found = survey.survey(session, targets, table, past)
    assert [(state.target, state.word) for state in found] == list(zip(targets, words, strict=True))
    assert {state.word: state.current for state in found if state.current} == {
        word: tuple(revisions) for word, revisions in made.items() if revisions
    }
    assert [state.tables for state in found] == [word in ("unstamped", "unversioned") for word in words]
    assert survey.survey(session, [], table, past) == []
