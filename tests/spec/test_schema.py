"""The JSON Schemas for editors say what the grammar says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from compiler.spec.schema import schemas
from compiler.spec.source import parse
from tests.spec.project import DIGEST, LOCAL, PLATFORM, PRODUCTION, ROOT, STAGING, codes, project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMAS = {name: json.loads(text) for name, text in schemas().items()}


def _file(name: str) -> str:
    return "platform.schema.json" if name == "platform" else "environment.schema.json"


def _errors(name: str, text: str) -> list[str]:
    tree, _ = parse(text, name)
    assert tree is not None
    found = jsonschema.Draft202012Validator(SCHEMAS[_file(name)]).iter_errors(tree.plain())
    return sorted("/".join(map(str, error.path)) for error in found)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_is_the_committed_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert (ROOT / "environments" / name).read_text("utf-8") == schemas()[name], "run `gen schema`"


@pytest.mark.parametrize("name", ["platform", "local", "staging", "production"])
def test_the_reference_platform_fits(name: str) -> None:
    text = (ROOT / "environments" / f"{name}.yaml").read_text("utf-8")
    assert text.startswith(f"# yaml-language-server: $schema={_file(name)}\n")
    assert _errors(name, text) == []


def test_mistakes_are_underlined() -> None:
    assert _errors("local", LOCAL + "replicas: 1\n") == [""]
    assert _errors("local", LOCAL + "registry: x\n") == [""], "belongs into the other file"
    assert _errors("local", LOCAL + "services: {api: {port: 80}}\n") == ["services/api/port"]
    assert _errors("platform", PLATFORM.replace("schema: public", "schema: Public")) == [
        "services/worker/migrations/schema"
    ]
    assert _errors("platform", PLATFORM.replace("    path: services/worker\n", "")) == ["services/worker"]


# What the schema and the compiler both say of an environment's file, at the same place.
DEPLOYED = {
    "cluster: {kubeconfig: STAGING_KUBECONFIG}": (
        "cluster: {kubeconfig: a/file}",
        "deploy/cluster/kubeconfig",
    ),
    "{kubeconfig: STAGING_KUBECONFIG}": ("{}", "deploy/cluster"),
    "STAGING_KUBECONFIG}": ("STAGING_KUBECONFIG, aws: {role: a, region: b, name: c}}", "deploy/cluster"),
    "via: helm": ("via: argo", "deploy/via"),
    "branch: develop": ("branch: release/*", "deploy/branch"),
    "namespace: staging": ("name: staging", "deploy"),
}
MORE = {
    "  window: {days: [mon, mon], from: 09:00, until: 16:00}": "deploy/window/days",
    "  window: {days: [monday], from: 09:00, until: 16:00}": "deploy/window/days/0",
    "  window: {days: [], from: 09:00, until: 16:00}": "deploy/window/days",
    "  window: {days: [mon], from: 9:00, until: 16:00}": "deploy/window/from",
    "  window: {days: [mon], from: 09:00}": "deploy/window",
    "  ingress_from: [Nginx]": "deploy/ingress_from/0",
    "  database_port: 0": "deploy/database_port",
    "smoke_tests: [{name: login, service: api}]": "smoke_tests/0",
    "smoke_tests: [/health]": "smoke_tests/0",
    "smoke_tests: [{name: a, service: api, get: /}, {name: b, service: api, get: x}]": "smoke_tests/1/get",
    "smoke_tests: [{name: a, service: api, get: /, expect: 600}]": "smoke_tests/0/expect",
    "smoke_tests: [{name: a, service: api, get: /, path: /}]": "smoke_tests/0",
    "exceptions: [{field: migrations.lock_timeout, reason: x, until: 31.12.2026, allow: 3s}]": "exceptions/0/until",
    "exceptions: [{field: migrations.lock_timeout, until: 2026-12-31, allow: 3s}]": "exceptions/0",
    "exceptions: [{field: migrations.lock_timeout, until: 2026-12-31, reason: x}]": "exceptions/0",
    "exceptions: [{field: migrations.lock_timeout, until: 2026-12-31, reason: x, allow: [3s]}]": (
        "exceptions/0/allow"
    ),
    "migrations: {parallelism: 0}": "migrations/parallelism",
    "migrations: {parallelism: 33}": "migrations/parallelism",
    "migrations: {canary: [A]}": "migrations/canary/0",
    "migrations: {canary: [default, default]}": "migrations/canary",
    "migrations: {on_tenant_failure: skip}": "migrations/on_tenant_failure",
    "migrations: {on_tenant_failure: continue, max_failed_tenants: -1}": "migrations/max_failed_tenants",
    "migrations: {lock_retries: 101}": "migrations/lock_retries",
    "migrations: {verify: all}": "migrations/verify",
    "rollback: {schema: no}": "rollback/schema",
    "rollback: {schema: downgrade, max_downgrade_revisions: 0}": "rollback/max_downgrade_revisions",
    "services: {api: {migrations: {skip_env: true}}}": "services/api",
    "promote: {to: production, writer: bot}": "promote/writer",
    "approvals: {upgrade: 7}": "approvals/upgrade",
    "rollback: {code: never}": "rollback/code",
    "rollback: {downgrade_test: true}": "rollback",
    "notify: {slack: {secret: 'https://hooks'}}": "notify/slack/secret",
    "services: {api: {replicas: 0}}": "services/api/replicas",
    "services: {api: {egress: [443, 443]}}": "services/api/egress",
    "services: {api: {resources: {limits: {ephemeral-storage: 1G}}}}": (
        "services/api/resources/limits/ephemeral-storage"
    ),
    "services: {api: {lint: [ruff]}}": "services/api",
    "repository: https://github.com/acme/shop": "",
    f"images: {{api: {DIGEST}}}": "",
}


def test_deployments_fit() -> None:
    more = (
        "smoke_tests: [{name: login page, service: api, get: /health, expect: 204}]\n"
        "promote: {to: production}\napprovals: {upgrade: 1}\nrollback: {code: manual}\n"
        "notify: {slack: {secret: SLACK_WEBHOOK_URL}}\n"
        "exceptions: [{field: deploy.window, reason: until the move, until: 2026-12-31, allow: none}]\n"
        "services: {api: {image: ghcr.io/acme/api, replicas: 3, egress: [443], secret_name: api, "
        "resources: {requests: {cpu: 250m, memory: 1Gi}, limits: {cpu: '2', ephemeral-storage: 1Gi}}}}\n"
    )
    window = "  window: {days: [mon, tue], from: 09:00, until: 16:00, zone: Europe/Berlin}\n"
    assert _errors("staging", STAGING + window + more) == []
    assert _errors("production", PRODUCTION + "  argocd: {namespace: argo}\n  sync: manual\n") == []
    assert _errors("platform", PLATFORM + "workflows: {prefix: shop, setup: [make, setup]}\n") == []


@pytest.mark.parametrize(("old", "change"), DEPLOYED.items(), ids=DEPLOYED)
def test_a_mistake_in_deploy_is_underlined(tmp_path: Path, old: str, change: tuple[str, str]) -> None:
    new, place = change
    text = STAGING.replace(old, new)
    found = _errors("staging", text)
    assert place in found
    assert all(one.startswith(place) for one in found)
    assert codes(project(tmp_path, staging=text))


@pytest.mark.parametrize(("line", "place"), MORE.items(), ids=MORE)
def test_a_mistake_in_a_deployed_environment_is_underlined(tmp_path: Path, line: str, place: str) -> None:
    text = f"{STAGING}{line}\n"
    assert _errors("staging", text) == [place]
    assert codes(project(tmp_path, staging=text))


def _properties(schema: dict[str, Any], loc: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, part in schema.get("properties", {}).items():
        yield f"{loc}{key}", part
        yield from _properties(part, f"{loc}{key}.")
    for inside in (schema.get("additionalProperties"), schema.get("items")):
        if isinstance(inside, dict):
            yield from _properties(inside, f"{loc}*.")


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_has_a_hover_text_and_no_map_is_open(name: str) -> None:
    fields = dict(_properties(SCHEMAS[name]))
    assert len(fields) > 10
    assert [loc for loc, part in fields.items() if not part.get("description")] == []
    maps = [(loc, part) for loc, part in fields.items() if part["type"] == "object"]
    maps += [(loc, part["items"]) for loc, part in fields.items() if part.get("items", {}).get("properties")]
    assert len(maps) > 5
    assert [loc for loc, part in maps if "additionalProperties" not in part] == []


def test_the_lists_of_maps_and_the_files_that_hold_them() -> None:
    environment, platform = (dict(_properties(SCHEMAS[_file(name)])) for name in ("staging", "platform"))
    assert {"smoke_tests.*.get", "exceptions.*.until", "deploy.cluster.aws.role"} <= environment.keys()
    assert not {"deploy", "smoke_tests", "exceptions", "promote", "approvals", "images"} & platform.keys()
    assert not {"repository", "workflows", "images", "rollback.downgrade_test"} & environment.keys()
    assert {"repository", "workflows.setup", "rollback.downgrade_test", "services.*.lint"} <= platform.keys()
