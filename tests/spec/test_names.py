"""Names and paths from a hostile hand: refused where they are written, and where they meet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from compiler.spec.order import in_order
from tests.spec.project import LOCAL, PLATFORM, codes, mistakes, project

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    "",
    "-rf",
    "--help",
    "a-",
    "A",
    "Api",
    "a_b",
    "a.b",
    "a/b",
    "../a",
    "a b",
    "a'b",
    'a"b',
    'x"; drop schema victim cascade; --',
    "$user",
    "$(id)",
    "`id`",
    "{{7*7}}",
    "${{ secrets.X }}",
    "%{7*7}",
    "a\\b",
    "1a",
    "١",
    "tоshiba",
    "é",
    "ı",
    "ſ",
    "a" * 41,
    "a" * 64,
    ".git",
    "*",
]
UNSEEN = [
    "abc\n",
    "abc\r",
    "a\x00",
    "a\u202eb",
    "a\u2066b",
    "a\u200bb",
    "\ufeffabc",
    "a\xadb",
    "a\u2028",
    "e\u0301",
]


@pytest.mark.parametrize("name", [*HOSTILE, *UNSEEN], ids=ascii)
def test_hostile_names_of_tenants(tmp_path: Path, name: str) -> None:
    local = f"environment: local\ntenants: [default, {json.dumps(name)}]\n"
    found = codes(project(tmp_path, local))
    assert found & {"invalid-name", "unprintable-character", "not-normalized"}
    assert found <= {"invalid-name", "unprintable-character", "not-normalized", "yaml-syntax"}


# An underscore and 41 characters are fine in PostgreSQL.
SQL = [*(name for name in HOSTILE if name not in {"a_b", "a" * 41}), "pg_x", "information_schema"]


@pytest.mark.parametrize("name", SQL, ids=ascii)
def test_hostile_names_of_databases_and_schemas(tmp_path: Path, name: str) -> None:
    platform = PLATFORM.replace("schema: public", f"schema: {json.dumps(name)}")
    platform = platform.replace("database: worker", f"database: {json.dumps(name)}")
    found = codes(project(tmp_path, platform=platform))
    assert found <= {"invalid-sql-name", "invalid-schema", "reserved-name", "name-too-long"}
    assert len(mistakes(project(tmp_path, platform=platform))) == 2


OWN = ["genmigrate", "Genmigrate", "GENMIGRATE", '"genmigrate"', "genmigrate ", " genmigrate", "genmıgrate"]


@pytest.mark.parametrize("name", OWN, ids=ascii)
@pytest.mark.parametrize("key", ["schema", "version_table_schema", "extension_schemas"])
def test_the_runner_s_own_schema(tmp_path: Path, name: str, key: str) -> None:
    """However it is spelt; only in the first spelling PostgreSQL would call it so."""
    written = json.dumps(name) if key != "extension_schemas" else f"[{json.dumps(name)}]"
    old = "schema: public"
    new = f"{'' if key == 'schema' else 'schema: public, '}{key}: {written}"
    platform = PLATFORM.replace(old, new)
    expected = {"reserved-name"} if name == "genmigrate" else {"invalid-schema", "invalid-sql-name"}
    found = codes(project(tmp_path, platform=platform))
    assert found
    assert found <= expected | ({"unprintable-character"} if name != "genmigrate" else set())


def test_a_tenant_that_gives_the_runner_s_own_schema(tmp_path: Path) -> None:
    local = "environment: local\ntenants: [default, gen-migrate, genmigrate, migrate, gen]\n"
    for number, (pattern, found) in enumerate(
        {
            "{tenant}": {"reserved-name"},
            "gen{tenant}": {"reserved-name"},
            "{tenant}migrate": {"reserved-name"},
            "genmigrate{tenant}": set(),
            "genmigrate_{tenant}": set(),
        }.items()
    ):
        platform = PLATFORM.replace("api_{tenant}", pattern)
        assert codes(project(tmp_path / str(number), local, platform)) == found, pattern
    names = PLATFORM.replace("database: worker", "database: genmigrate")
    assert codes(project(tmp_path / "database", platform=names)) == set()


@pytest.mark.parametrize("name", ["con", "nul", "com1", "lpt9", "aux", "prn"])
def test_devices_of_windows(tmp_path: Path, name: str) -> None:
    assert codes(project(tmp_path, f"environment: local\ntenants: [{name}]\n")) == {"reserved-name"}


PATHS = [
    "", ".", "..", "../x", "services/../../x", "/etc", "//x", "services//api", "services/api/", "./services/api",
    "-rf", "services/-rf", "services\\api", "services/api ", "C:/x", "~/x", "services/.git/x", "con",
    "services/nul.txt", "services/x.", "services/a\u202eb", "services/é", "$HOME", "services/*",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_hostile_paths(tmp_path: Path, path: str) -> None:
    found = codes(project(tmp_path, platform=PLATFORM.replace("services/worker", json.dumps(path))))
    assert found <= {"invalid-path", "unprintable-character"}
    assert found


def test_a_link_out_of_the_repository(tmp_path: Path) -> None:
    folder = project(tmp_path / "shop", platform=PLATFORM.replace("services/worker", "services/out/worker"))
    (tmp_path / "worker").mkdir()
    (folder / "services" / "out").symlink_to("../..")
    assert mistakes(folder) == ["platform.yaml:16:11 outside-repository"]


def test_a_neighbour_whose_name_starts_alike_is_outside(tmp_path: Path) -> None:
    folder = project(tmp_path / "shop", platform=PLATFORM.replace("services/worker", "services/out"))
    (tmp_path / "shop-other").mkdir()
    (folder / "services" / "out").symlink_to("../../shop-other")
    assert codes(folder) == {"outside-repository"}


@pytest.mark.parametrize(("length", "found"), [(63, set()), (64, {"name-too-long"})])
def test_the_longest_schema_and_the_longest_label(tmp_path: Path, length: int, found: set[str]) -> None:
    tenant = "t" * 40
    pattern = "s" * (length - 40) + "{tenant}"
    platform = PLATFORM.replace("api_{tenant}", pattern)
    assert (
        codes(project(tmp_path / "schema", f"environment: local\ntenants: [{tenant}]\n", platform)) == found
    )
    platform = PLATFORM.replace("platform: shop", f"platform: {'p' * 30}").replace(
        "worker:", f"{'w' * (length - 31)}:"
    )
    assert codes(project(tmp_path / "label", platform=platform)) == found


def test_schemas_meet_only_in_one_database(tmp_path: Path) -> None:
    platform = PLATFORM.replace("schema: public", 'schema: "api_x_{tenant}"')
    local = "environment: local\ntenants: [y, x-y]\n"
    assert codes(project(tmp_path / "two", local, platform)) == set()
    assert codes(project(tmp_path / "one", local, platform.replace("database: worker", "database: api"))) == {
        "duplicate-schema"
    }


def test_a_port_taken_twice_is_found_in_the_environment_where_it_meets(tmp_path: Path) -> None:
    folder = project(
        tmp_path, LOCAL + "postgres: {port: 8002}\n", staging="environment: staging\ntenants: [default]\n"
    )
    assert mistakes(folder) == ["platform.yaml:17:11 duplicate-port"]


def test_cycles_are_all_found_and_long_chains_are_none(tmp_path: Path) -> None:
    def service(name: str, number: int, after: str) -> str:
        return (
            f"  {name}: {{path: services/api, port: {10000 + number}, health: /, database: d{number}, dev: [x], "
            f"migrations: {{schema: public, url_env: U{number}, after: [{after}]}}}}\n"
        )

    head = PLATFORM.split("services:\n")[0] + "services:\n"
    two = "".join(
        service(name, number, after)
        for number, (name, after) in enumerate(tuple(pair) for pair in ["ab", "ba", "cd", "de", "ec"])
    )
    assert mistakes(project(tmp_path / "cycles", platform=head + two)) == [
        "platform.yaml:8:125 cycle",
        "platform.yaml:10:125 cycle",
    ]
    chain = "".join(
        service(f"s{number}", number, f"s{number + 1}" if number < 1500 else "") for number in range(1501)
    )
    assert mistakes(project(tmp_path / "chain", platform=head + chain)) == []


def test_two_cycles_through_one_service_are_both_found() -> None:
    assert in_order({"a": {"b"}, "b": {"a", "c"}, "c": {"b"}, "d": {"a"}}) == (
        ["a", "d", "b", "c"],
        [["a", "b"], ["b", "c"]],
    )
