"""The history has one head, and its SQL runs in the schema that was asked for."""

import io
import re
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

FOLDER = Path(__file__).resolve().parent.parent

# The data migration after it needs a database.
BEFORE_ROWS_ARE_READ = "8a4965ec5cb2"


@pytest.fixture(autouse=True)
def default_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test does not set itself does not come from the machine."""
    monkeypatch.setenv("ALEMBIC_SCHEMA", "public")


def offline_sql(revisions: str) -> str:
    """What `alembic upgrade REVISIONS --sql` prints."""
    printed = io.StringIO()
    command.upgrade(Config(FOLDER / "alembic.ini", output_buffer=printed), revisions, sql=True)
    return printed.getvalue()


def test_one_head_one_base_and_a_merge_of_two_branches() -> None:
    scripts = ScriptDirectory.from_config(Config(FOLDER / "alembic.ini"))
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1
    assert [r for r in scripts.walk_revisions() if r.is_merge_point]


def test_a_file_is_named_by_its_revision() -> None:
    scripts = ScriptDirectory.from_config(Config(FOLDER / "alembic.ini"))
    for revision in scripts.walk_revisions():
        assert re.fullmatch(rf"{revision.revision}_[a-z0-9_]+\.py", Path(revision.path).name)
        assert re.fullmatch("[0-9a-f]{12}", revision.revision)


def test_offline_sql_sets_the_search_path_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALEMBIC_SCHEMA", "shared")
    sql = offline_sql(BEFORE_ROWS_ARE_READ)
    assert sql.lstrip().startswith("SET search_path TO shared;")
    assert "CREATE TABLE shared.alembic_version" in sql
    assert "public" not in sql


def test_without_a_schema_the_shared_one_is_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALEMBIC_SCHEMA", "")
    assert "SET search_path TO public;" in offline_sql(BEFORE_ROWS_ARE_READ)


@pytest.mark.parametrize(
    "schema", ['x"; drop schema public cascade; --', "a, public", "pg_catalog", "s" * 64]
)
def test_a_schema_that_is_no_identifier_never_reaches_sql(
    monkeypatch: pytest.MonkeyPatch, schema: str
) -> None:
    monkeypatch.setenv("ALEMBIC_SCHEMA", schema)
    with pytest.raises(CommandError, match="ALEMBIC_SCHEMA"):
        offline_sql(BEFORE_ROWS_ARE_READ)


def test_a_migration_that_reads_rows_says_that_it_has_no_sql() -> None:
    with pytest.raises(CommandError, match=r"ef62c4497bab .* has no SQL"):
        offline_sql("head")
