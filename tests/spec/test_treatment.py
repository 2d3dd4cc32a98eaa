"""How migrations treat the schemas of an environment: what is right alone and wrong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compiler.spec.load import load
from compiler.spec.model import Migrations
from tests.spec.project import LOCAL, PLATFORM, STAGING, deployed, mistakes, project, said

if TYPE_CHECKING:
    from pathlib import Path

PLATFORM_LINE = len(PLATFORM.splitlines()) + 1


def _migrations(text: str) -> str:
    return f"{PLATFORM}migrations: {text}\n"


CANARIES = {
    "one of the tenants": ("[toshiba]", []),
    "all of them": ("[toshiba, default]", []),
    "none": ("[]", []),
    "no tenant": ("[default, toshibo]", ["local.yaml:3:32 unknown-tenant"]),
    "no name": ("[Default]", ["local.yaml:3:23 invalid-name"]),
    "twice": ("[default, default]", ["local.yaml:3:32 duplicate-item"]),
    "text": ("default", ["local.yaml:3:22 wrong-type"]),
    "nothing": ("", ["local.yaml:3:22 empty-value"]),
}


@pytest.mark.parametrize(("canary", "expected"), CANARIES.values(), ids=CANARIES)
def test_canary(tmp_path: Path, canary: str, expected: list[str]) -> None:
    local = f"environment: local\ntenants: [default, toshiba]\nmigrations: {{canary: {canary}}}\n"
    assert mistakes(project(tmp_path, local)) == expected


def test_a_canary_that_is_shared_is_held_against_each_environment(tmp_path: Path) -> None:
    staging = "environment: staging\ntenants: [iopex]\n"
    folder = project(tmp_path, platform=_migrations("{canary: [default]}"), staging=staging)
    assert mistakes(folder) == [f"platform.yaml:{PLATFORM_LINE}:23 unknown-tenant"]
    assert 'found "default", which is not a tenant of staging' in said(folder)


# Lock, statement, whole run; in an environment with a deployment, and in one without.
TIMEOUTS: list[tuple[str, list[str], list[str]]] = [
    ("{lock_timeout: 5s, statement_timeout: 1m}", [], []),
    ("{lock_timeout: 1m, statement_timeout: 5s}", ["28"], ["28"]),
    ("{lock_timeout: 60s, statement_timeout: 1m}", ["28"], ["28"]),
    ("{lock_timeout: 15m}", ["28"], ["28"]),
    ("{statement_timeout: 3s}", ["33"], ["33"]),
    ("{lock_timeout: 0s, statement_timeout: 5s}", [], []),
    ("{lock_timeout: 1h, statement_timeout: 0s}", [], []),
    ("{statement_timeout: 30m}", ["33"], []),
    ("{statement_timeout: 29m}", [], []),
    ("{statement_timeout: 1h, deadline: 1h}", ["33"], []),
    ("{statement_timeout: 1h, deadline: 61m}", [], []),
    ("{statement_timeout: 0s, deadline: 1m}", [], []),
    ("{lock_timeout: 1h, statement_timeout: soon}", [], []),
]


@pytest.mark.parametrize(("text", "in_a_cluster", "on_a_laptop"), TIMEOUTS)
def test_limits_in_order(tmp_path: Path, text: str, in_a_cluster: list[str], on_a_laptop: list[str]) -> None:
    line = f"migrations: {text}\n"
    staging = project(tmp_path / "staging", staging=STAGING + line)
    found = [one for one in mistakes(staging) if "invalid" not in one and "unlimited" not in one]
    assert found == [f"staging.yaml:8:{column} timeout-order" for column in in_a_cluster]
    local = project(tmp_path / "local", LOCAL + line)
    found = [one for one in mistakes(local) if "invalid" not in one and "unused-key" not in one]
    assert found == [f"local.yaml:3:{column} timeout-order" for column in on_a_laptop]


def test_the_limit_that_the_environment_wrote_is_the_one_that_is_blamed(tmp_path: Path) -> None:
    """What is shared is right for the others."""
    staging = deployed("staging", "develop", extra="migrations: {deadline: 10m}\n")
    folder = project(tmp_path, platform=_migrations("{statement_timeout: 15m}"), staging=staging)
    assert mistakes(folder) == ["staging.yaml:8:24 timeout-order"]
    assert "found deadline 10m, which never comes after statement_timeout 15m" in said(folder)
    assert f"platform.yaml:{PLATFORM_LINE}:33: statement_timeout is 15m" in said(folder)
    project(folder, staging=staging)
    assert "statement_timeout is 15m by default" in said(folder)
    shared = project(tmp_path / "shared", platform=_migrations("{lock_timeout: 2m, statement_timeout: 1m}"))
    assert mistakes(shared) == [f"platform.yaml:{PLATFORM_LINE}:28 timeout-order"]


def test_the_defaults_are_in_order(tmp_path: Path) -> None:
    assert mistakes(project(tmp_path, staging=STAGING)) == []
    assert [
        Migrations.model_fields[key].default for key in ("lock_timeout", "statement_timeout", "deadline")
    ] == [
        "3s",
        "15m",
        "30m",
    ]


UNREAD = {
    "with continue": ("migrations: {on_tenant_failure: continue, max_failed_tenants: 3}", []),
    "with stop": ("migrations: {on_tenant_failure: stop, max_failed_tenants: 3}", ["3:39"]),
    "with nothing": ("migrations: {max_failed_tenants: 3}", ["3:14"]),
    "downgrade": ("rollback: {schema: downgrade, max_downgrade_revisions: 3}", []),
    "forward-only": ("rollback: {schema: forward-only, max_downgrade_revisions: 3}", ["3:34"]),
    "by default": ("rollback: {max_downgrade_revisions: 3}", ["3:12"]),
}


@pytest.mark.parametrize(("line", "expected"), UNREAD.values(), ids=UNREAD)
def test_a_limit_of_what_is_not_done(tmp_path: Path, line: str, expected: list[str]) -> None:
    staging = f"environment: staging\ntenants: [default]\n{line}\n"
    assert mistakes(project(tmp_path, staging=staging)) == [
        f"staging.yaml:{place} unused-key" for place in expected
    ]


def test_a_limit_that_is_shared_needs_one_environment_that_reads_it(tmp_path: Path) -> None:
    platform = _migrations("{max_failed_tenants: 3}") + "rollback: {max_downgrade_revisions: 2}\n"
    staging = "environment: staging\ntenants: [default]\n"
    folder = project(tmp_path, platform=platform, staging=staging)
    assert mistakes(folder) == [f"platform.yaml:{PLATFORM_LINE}:14 unused-key"]
    project(folder, platform=platform, staging=f"{staging}migrations: {{on_tenant_failure: continue}}\n")
    assert mistakes(folder) == []


def test_schemas_may_be_taken_back_on_a_laptop_only_if_not_told_otherwise(tmp_path: Path) -> None:
    local = f"{LOCAL}rollback: {{schema: forward-only}}\n"
    staging = "environment: staging\ntenants: [default]\nrollback: {schema: downgrade}\n"
    assert mistakes(project(tmp_path, local, staging=staging)) == []
    assert load(tmp_path)[0] is not None


EXTENSIONS = {
    "another": ("[public, extensions]", []),
    "none": ("[]", []),
    "a tenant's own": ("[public, api_toshiba]", ["14:97 own-schema"]),
    "one of PostgreSQL's": ("[pg_catalog]", ["14:89 reserved-name"]),
    "the runner's": ("[genmigrate]", ["14:89 reserved-name"]),
    "twice": ("[public, public]", ["14:97 duplicate-item"]),
    "no name": ("[Public]", ["14:89 invalid-sql-name"]),
    "too many": (f"[{', '.join(f'x{n}' for n in range(21))}]", ["14:88 out-of-range"]),
}


@pytest.mark.parametrize(("names", "expected"), EXTENSIONS.values(), ids=EXTENSIONS)
def test_extension_schemas(tmp_path: Path, names: str, expected: list[str]) -> None:
    old = "url_env: API_DATABASE_URL}"
    platform = PLATFORM.replace(old, f"{old[:-1]}, extension_schemas: {names}}}")
    assert platform != PLATFORM
    assert [one.partition(":")[2] for one in mistakes(project(tmp_path, platform=platform))] == expected


def test_extension_schemas_of_one_schema_for_all(tmp_path: Path) -> None:
    platform = PLATFORM.replace("schema: public,", "schema: public, extension_schemas: [public],")
    assert {one.split()[1] for one in mistakes(project(tmp_path, platform=platform))} == {"own-schema"}
