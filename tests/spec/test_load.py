"""The folder `environments/` as a whole: merging, places, every mistake at once, each once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.spec.load import load
from tests.spec.project import LOCAL, PLATFORM, ROOT, codes, mistakes, project, said

if TYPE_CHECKING:
    from pathlib import Path

STAGING = "environment: staging\ntenants: [default]\n"


def test_the_reference_platform_is_right() -> None:
    spec, diagnostics, sources = load(ROOT)
    assert diagnostics == []
    assert spec is not None
    assert [environment.model.environment for environment in spec.environments] == [
        "local",
        "production",
        "staging",
    ]
    assert [environment.tier for environment in spec.environments] == ["local", "production", "staging"]
    assert spec.environments[0].order == ("auth-api", "workflow-engine", "ingestion-service")
    assert set(sources) == {
        f"environments/{name}.yaml"
        for name in ("platform", "local", "staging", "production", "production.images")
    }


def test_maps_are_merged_and_lists_replaced(tmp_path: Path) -> None:
    platform = PLATFORM.replace(
        "database: api\n", "database: api\n    env: {A: one, B: two}\n    secrets: [K1, K2]\n"
    )
    local = LOCAL + "services: {api: {env: {B: three, C: four}, secrets: [K3]}}\n"
    spec, _, _ = load(project(tmp_path, local, platform))
    assert spec is not None
    api = spec.environments[0].model.services["api"]
    assert api.env == {"A": "one", "B": "three", "C": "four"}
    assert api.secrets == ("K3",)


def test_every_value_knows_its_place(tmp_path: Path) -> None:
    local = LOCAL + "services: {api: {port: 9001}}\n"
    spec, _, _ = load(project(tmp_path, local))
    assert spec is not None
    environment = spec.environments[0]
    assert str(environment.place("tenants", 1)) == "environments/local.yaml:2:20"
    assert str(environment.place("services", "api", "port")) == "environments/local.yaml:3:24"
    assert str(environment.place("services", "worker", "port")) == "environments/platform.yaml:17:11"
    assert str(environment.key_place("services", "api")) == "environments/platform.yaml:8:3"
    assert (
        str(environment.place("services", "api", "migrations", "config"))
        == "environments/platform.yaml:14:17"
    )
    assert str(environment.place("tool")) == "environments/platform.yaml"
    assert environment.is_written("services", "api", "port")
    assert not environment.is_written("services", "api", "env")


def test_the_order_is_that_of_after_and_ties_are_by_name(tmp_path: Path) -> None:
    services = {"d": [], "c": ["a"], "b": [], "a": ["d"]}
    entries = "".join(
        f"  {name}:\n    path: services/api\n    port: {8100 + number}\n    health: /\n    database: {name}\n"
        f"    dev: [x]\n    migrations: {{schema: public, url_env: {name.upper()}_URL, after: {after}}}\n"
        for number, (name, after) in enumerate(services.items())
    )
    spec, diagnostics, _ = load(
        project(tmp_path, LOCAL, PLATFORM.split("services:\n")[0] + "services:\n" + entries)
    )
    assert diagnostics == []
    assert spec is not None
    assert spec.environments[0].order == ("b", "d", "a", "c")


def test_a_service_that_is_switched_off_takes_no_part(tmp_path: Path) -> None:
    local = LOCAL + "services: {worker: {enabled: false, port: 8001}}\n"
    spec, diagnostics, _ = load(project(tmp_path, local))
    assert diagnostics == []
    assert spec is not None
    assert spec.environments[0].order == ("api",)


def test_the_order_of_keys_means_nothing(tmp_path: Path) -> None:
    head, services = PLATFORM.split("services:\n")
    api, rest = services.split("  worker:\n")
    worker, repository = rest.split("repository:")
    one = load(project(tmp_path / "1"))[0]
    two = load(
        project(tmp_path / "2", platform=f"services:\n  worker:\n{worker}{api}repository:{repository}{head}")
    )[0]
    assert one is not None
    assert two is not None
    assert one.environments[0].order == two.environments[0].order
    assert one.environments[0].model == two.environments[0].model


def test_mistakes_of_all_files_come_at_once_sorted_and_each_once(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        LOCAL + "replicas: 1\n",
        PLATFORM.replace("port: 8002", "port: 80"),
        staging=STAGING + "tenants: [x]\n",
        production="environment: production\ntenants: [A]\nservices: [\n",
    )
    assert mistakes(folder) == [
        "local.yaml:3:1 unknown-key",
        "platform.yaml:17:11 out-of-range",
        "production.yaml:4:1 yaml-syntax",
        "staging.yaml:3:1 duplicate-key",
    ]


def test_a_mistake_that_every_environment_overrides_is_found_all_the_same(tmp_path: Path) -> None:
    platform = PLATFORM.replace("port: 8002", "port: 80")
    assert mistakes(project(tmp_path, LOCAL + "services: {worker: {port: 8002}}\n", platform)) == [
        "platform.yaml:17:11 out-of-range"
    ]


def test_a_broken_platform_hides_no_mistake_of_an_environment(tmp_path: Path) -> None:
    folder = project(tmp_path, LOCAL + "tier: lokal\nservices: {api: {prt: 1}}\n", "platform: [\n")
    assert mistakes(folder) == [
        "local.yaml:3:7 not-allowed",
        "local.yaml:4:18 unknown-key",
        "platform.yaml:2:1 yaml-syntax",
    ]


def test_a_file_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    folder = project(tmp_path)
    for name in ("README.md", ".local.yaml.swp", ".hidden.yaml", "platform.schema.json"):
        (folder / "environments" / name).write_text("{")
    assert mistakes(folder) == []


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    folder = project(tmp_path)
    environments = folder / "environments"
    os.mkfifo(environments / "fifo.yaml")
    (environments / "folder.yaml").mkdir()
    (environments / "loop.yaml").symlink_to("loop.yaml")
    (environments / "out.yaml").symlink_to("/etc/hostname")
    assert mistakes(folder) == [f"{name}.yaml unreadable-file" for name in ("fifo", "folder", "loop", "out")]


def test_a_link_inside_the_repository_is_followed(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "environments" / "local.yaml").rename(folder / "local-elsewhere.yaml")
    (folder / "environments" / "local.yaml").symlink_to("../local-elsewhere.yaml")
    assert mistakes(folder) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "wrong-type"),
        (b"\xef\xbb\xbf", "wrong-type"),
        (b"# only a comment\n", "wrong-type"),
        (b"environment", "wrong-type"),
        ("environment: local\n".encode("utf-16"), "not-utf8"),
        (b"a: \xff\n", "not-utf8"),
        (b"a: \xed\xa0\x80\n", "not-utf8"),
        (b"a: \x00\n", "unprintable-character"),
        (b" " * (1 << 20) + b"x", "too-large"),
    ],
)
def test_files_of_bytes(tmp_path: Path, data: bytes, code: str) -> None:
    assert codes(project(tmp_path, data)) == {code}
    assert code in codes(project(tmp_path, platform=data))


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.one_of(st.binary(), st.text().map(str.encode)), st.integers(0, len(LOCAL)), st.booleans())
def test_any_bytes_anywhere_are_a_diagnostic(tmp_path: Path, noise: bytes, at: int, whole: bool) -> None:
    data = noise if whole else LOCAL.encode()[:at] + noise + LOCAL.encode()[at:]
    said(project(tmp_path, data))
    at *= 10
    said(
        project(tmp_path, LOCAL, noise if whole else PLATFORM.encode()[:at] + noise + PLATFORM.encode()[at:])
    )


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["{tenant}", "0s", "api", "-"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "platform", "registry", "tool", "npm", "tenants_env", "postgres", "migrations", "environment", "tier", "tenants",
    "services", "path", "port", "health", "database", "run", "dev", "env", "secrets", "enabled", "schema", "url_env",
    "after", "config", "version_table", "version_table_schema", "repository", "workflows", "rollback", "notify",
    "deploy", "promote", "smoke_tests", "approvals", "exceptions", "images", "image", "replicas", "resources",
    "egress", "secret_name", "lint", "test",
]  # fmt: skip


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_value_under_any_key_is_a_diagnostic(tmp_path: Path, data: st.DataObject) -> None:
    import json

    key, value = data.draw(st.sampled_from(KEYS)), data.draw(VALUES)
    entry = f"{key}: {json.dumps(value)}\n"
    local = LOCAL + data.draw(
        st.sampled_from(
            [entry, f"services: {{api: {{{entry.strip()}}}}}\n", f"services: {{{entry.strip()}}}\n"]
        )
    )
    lines = PLATFORM.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    indent = " " * (len(lines[at]) - len(lines[at].lstrip()))
    lines[at] = indent + (entry if "migrations" not in lines[at] else f"migrations: {{{entry.strip()}}}")
    words = said(project(tmp_path, local, "\n".join(lines)))
    assert not any(
        theirs in words for theirs in ("Input should", "Extra inputs", "Field required", "pydantic")
    )
    assert "does not fit here" not in words, "an error of pydantic's that has no words of ours"


def test_hundreds_of_tenants_and_dozens_of_environments_are_read_in_linear_time(tmp_path: Path) -> None:
    """50 environments × 30 services × 200 tenants cost about ten times what 5 environments cost."""
    names = [f"service-{number}" for number in range(30)]
    services = "".join(
        f"  {name}:\n    path: services/api\n    port: {8100 + number}\n    health: /health\n    database: shop\n"
        f'    dev: [python, -m, x]\n    migrations: {{schema: "s{number}_{{tenant}}", url_env: URL_{number}'
        + (f", after: [{names[number - 1]}]}}\n" if number else "}\n")
        for number, name in enumerate(names)
    )
    platform = PLATFORM.split("services:\n")[0] + "services:\n" + services
    tenants = ", ".join(f"tenant-{number}" for number in range(200))
    took = {}
    for count in (5, 50):
        environments = {
            f"staging-{number}": f"environment: staging-{number}\ntenants: [{tenants}]\n"
            for number in range(count - 1)
        }
        folder = project(tmp_path / str(count), LOCAL, platform, **environments)
        began = time.process_time()
        spec, diagnostics, _ = load(folder)
        took[count] = time.process_time() - began
        assert diagnostics == []
        assert spec is not None
        assert len(spec.environments) == count
    assert took[50] < 25 * took[5]
    assert took[50] < 10
