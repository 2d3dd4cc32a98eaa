"""plan.schema.json and the runner say the same about every plan."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from genmigrate import plan as plans
from genmigrate.codes import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = json.loads(Path(plans.__file__).with_name("plan.schema.json").read_text())
GOOD: dict[str, Any] = {
    "version": 1,
    "platform": "elevaite",
    "environment": "local",
    "tenants": ["default", "to-shiba"],
    "tenants_env": "ELEVAITE_TENANTS",
    "create_databases": True,
    "session": {"lock_timeout_ms": 3000, "statement_timeout_ms": 0},
    "policy": {
        "parallelism": 4,
        "canary": ["to-shiba"],
        "max_failed_tenants": None,
        "lock_retries": 10,
        "verify": "drift",
        "max_downgrade": 3,
    },
    "services": [
        {
            "name": "auth-api",
            "path": "python_apps/auth_api",
            "python": ["uv", "run", "--frozen", "--project", "python_apps/auth_api", "python"],
            "schema": "auth_{tenant}",
            "database": "auth",
            "url_env": "AUTH_DATABASE_URL",
            "config": "alembic.ini",
            "version_table": "alembic_version",
            "version_table_schema": "versions_{tenant}",
            "extension_schemas": ["extensions", "public"],
            "skip_env": True,
        },
        {
            "name": "ingestion",
            "path": ".",
            "python": ["python"],
            "schema": "public",
            "database": "elevaite_ingestion",
            "url_env": "INGESTION_DATABASE_URL",
            "config": "db/alembic.ini",
            "version_table": "alembic_version",
        },
    ],
}


def accepted(tmp_path: Path, document: object) -> tuple[bool, bool]:
    """What the schema says, and what the runner says."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(document))
    try:
        plans.load(file)
    except RunError:
        runner = False
    else:
        runner = True
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return validator.is_valid(document), runner


def test_the_schema_is_one_and_closed() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    objects = [part for part in _parts(SCHEMA) if isinstance(part, dict) and part.get("type") == "object"]
    assert len(objects) == 4
    assert all(part["additionalProperties"] is False for part in objects)


def _parts(value: object) -> Iterator[object]:
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(item)


def test_a_good_plan(tmp_path: Path) -> None:
    assert accepted(tmp_path, GOOD) == (True, True)
    plan = plans.load(tmp_path / "plan.json")
    auth, ingestion = plan.services
    assert [(t.label, t.schema, t.version_schema) for t in plan.targets(auth)] == [
        ("auth_default", "auth_default", "versions_default"),
        ("auth_to_shiba", "auth_to_shiba", "versions_to_shiba"),
    ]
    assert [(t.label, t.schema) for t in plan.targets(ingestion)] == [("ingestion", "public")]
    assert plan.targets(ingestion, ("default",)) == ()
    assert plan.policy == plans.Policy(4, ("to-shiba",), None, 10, "drift", 3)
    assert (auth.extension_schemas, auth.skip_env) == (("extensions", "public"), True)
    assert (ingestion.extension_schemas, ingestion.skip_env) == ((), False)


def _places(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [document, document["session"], document["policy"], *document["services"]]


@pytest.mark.parametrize("place", range(5))
def test_unknown_and_missing_keys(tmp_path: Path, place: int) -> None:
    document = copy.deepcopy(GOOD)
    _places(document)[place]["unheard_of"] = 1
    assert accepted(tmp_path, document) == (False, False)
    for key in _places(GOOD)[place]:
        document = copy.deepcopy(GOOD)
        del _places(document)[place][key]
        optional = key in ("version_table_schema", "extension_schemas", "skip_env")
        assert accepted(tmp_path, document) == (optional, optional), key


BAD_VALUES: list[tuple[str, list[object]]] = [
    ("version", [2, 0, "1", None, True]),
    ("platform", ["", "A", "-a", "a-", "a" * 64, 1]),
    ("environment", ["local;", None]),
    ("tenants", [[], ['x"; drop schema'], ["a", "a"], ["ä"], ["-a"], "a", [1]]),
    ("tenants_env", ["1A", "A B", ""]),
    ("create_databases", ["true", 1, None]),
    ("session", [{}, []]),
    ("policy", [{}, [], None]),
    ("services", [{}, None]),
]
BAD_SERVICE_VALUES: list[tuple[str, list[object]]] = [
    ("name", ["Auth", "a/b", "../x", "stop.go", ""]),
    ("path", ["/abs", "../up", "a/../b", "a/..", "", "a\\b", "a\nb"]),
    ("python", [[], "python", [""], ["a\nb"], [1]]),
    ("schema", ["genmigrate", "information_schema", "Genmigrate", '"genmigrate"', "genmigrate "]),
    ("schema", ["pg_{tenant}", "pg_x", 'a"b', "A", "1a", "", "a_{tenant}_{tenant}", "{other}", "a" * 64]),
    ("database", ["", "a b", 'x"', "A"]),
    ("url_env", ["", "A-B", 1]),
    ("config", ["", "/etc/alembic.ini", "../alembic.ini"]),
    ("version_table", ["", "a b", "a" * 64]),
    ("version_table_schema", ["", "pg_x", "genmigrate", "information_schema", None]),
    (
        "extension_schemas",
        [
            "public",
            None,
            [""],
            ["pg_catalog"],
            ["genmigrate"],
            ["information_schema"],
            ["a", "a"],
            ["x_{tenant}"],
            [f"x{n}" for n in range(21)],
        ],
    ),
    ("skip_env", ["true", 1, None]),
]
BAD_POLICY_VALUES: list[tuple[str, list[object]]] = [
    ("parallelism", [0, 65, None, "4", 1.5]),
    ("canary", [None, "", {}, 0, "default", ["default", "default"], ["Default"], [1]]),
    ("max_failed_tenants", [-1, 20_001, "none", 0.5]),
    ("lock_retries", [-1, 101, None]),
    ("verify", ["", "revision", None]),
    ("max_downgrade", [-1, 10_001, "none"]),
]
GOOD_POLICY_VALUES: list[tuple[str, list[object]]] = [
    ("parallelism", [1, 64]),
    ("canary", [[], ["default"], ["to-shiba", "default"]]),
    ("max_failed_tenants", [None, 0, 20_000]),
    ("lock_retries", [0, 100]),
    ("verify", ["version", "drift"]),
    ("max_downgrade", [None, 0, 10_000]),
]


@pytest.mark.parametrize(("key", "values"), BAD_VALUES)
def test_bad_values(tmp_path: Path, key: str, values: list[object]) -> None:
    for value in values:
        both = accepted(tmp_path, {**GOOD, key: value})
        assert both == (False, False) or (value is True and not both[1]), (
            value
        )  # True == 1 in a JSON Schema of Python


@pytest.mark.parametrize(("key", "values"), BAD_SERVICE_VALUES)
def test_bad_service_values(tmp_path: Path, key: str, values: list[object]) -> None:
    for value in values:
        document = copy.deepcopy(GOOD)
        document["services"][0][key] = value
        assert accepted(tmp_path, document) == (False, False), value


@pytest.mark.parametrize(
    ("key", "values", "good"),
    [(*one, good) for good in (False, True) for one in (BAD_POLICY_VALUES, GOOD_POLICY_VALUES)[good]],
)
def test_values_of_the_policy(tmp_path: Path, key: str, values: list[object], good: bool) -> None:
    for value in values:
        document = copy.deepcopy(GOOD)
        document["policy"][key] = value
        assert accepted(tmp_path, document) == (good, good), value


def test_every_limit_of_the_schema_is_the_runner_s(tmp_path: Path) -> None:
    for name in ("lock_timeout_ms", "statement_timeout_ms"):
        for value, good in (
            (0, True),
            (2**31 - 1, True),
            (2**31, False),
            (-1, False),
            (1.5, False),
            (True, False),
        ):
            document = copy.deepcopy(GOOD)
            document["session"][name] = value
            assert accepted(tmp_path, document) == (good, good), value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tenants": ["default"]}, "policy.canary: to-shiba is not a tenant of this plan"),
        ({"tenants": ["a-b", "a_b"]}, "tenants a-b and a_b share schema auth_a_b"),
        ({"tenants": ["a" * 63]}, "longer than 63 bytes"),
        ({"services": [GOOD["services"][0], GOOD["services"][0]]}, "auth-api is there twice"),
        (
            {"services": [{**GOOD["services"][0], "version_table_schema": "public"}]},
            "would share one version",
        ),
        (
            {"services": [{**GOOD["services"][0], "schema": "{tenant}"}], "tenants": ["pg_x"]},
            "schema pg_x belongs to PostgreSQL",
        ),
        *(
            ({"services": [{**GOOD["services"][0], place: pattern}], "tenants": ["default", tenant]}, message)
            for place in ("schema", "version_table_schema")
            for pattern, tenant, message in (
                ("{tenant}", "pg-x", "schema pg_x belongs to"),
                ("p{tenant}", "g-x", "schema pg_x belongs to"),
                ("{tenant}", "genmigrate", "schema genmigrate belongs to PostgreSQL or this runner"),
                ("gen{tenant}", "migrate", "schema genmigrate belongs to"),
                ("{tenant}migrate", "gen", "schema genmigrate belongs to"),
                ("information_{tenant}", "schema", "schema information_schema belongs to"),
                ("{tenant}", "information-schema", "schema information_schema belongs to"),
            )
        ),
        (
            {"services": [{**GOOD["services"][0], "schema": "{tenant}"}], "tenants": ["public"]},
            "tenant public would own the schema public",
        ),
    ],
)
def test_what_only_the_runner_can_see(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = tmp_path / "plan.json"
    policy = GOOD["policy"] if change.get("tenants") == ["default"] else {**GOOD["policy"], "canary": []}
    file.write_text(json.dumps({**GOOD, "policy": policy, **change}))
    with pytest.raises(RunError, match=message) as caught:
        plans.load(file)
    assert caught.value.code == 2


def test_schemas_that_only_look_reserved(tmp_path: Path) -> None:
    """A name is refused for what it is, not for what it begins with."""
    for schema in (
        "genmigrate_{tenant}",
        "genmigrate_x",
        "information_schemas",
        "pgx",
        "_genmigrate",
        "public",
    ):
        document = copy.deepcopy(GOOD)
        document["services"][0]["schema"] = schema
        document["services"][0]["version_table_schema"] = schema
        assert accepted(tmp_path, document) == (True, True), schema
    document = {**GOOD, "tenants": ["1a", "to-shiba"]}
    document["services"] = [{**GOOD["services"][0], "schema": "{tenant}"}]
    assert accepted(tmp_path, document) == (True, True)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 1, "version": 1}', "\udcff"])
def test_what_is_no_plan_at_all(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RunError):
        plans.load(file)
