"""Every field of the policy acts: what changes, and in which output, when it is written otherwise."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import pytest

from compiler.spec.lattice import FIELDS
from tests.compiler.project import copy_project, gen

PLAN = "out/production/plan.json"
STAGED = "out/staging/plan.json"
STAGING = ".github/workflows/elevaite-deploy-staging.yml"
PRODUCTION = ".github/workflows/elevaite-deploy-production.yml"
CHECK = ".github/workflows/elevaite-pull-request.yml"
WINDOW = '{days: [mon, tue], from: "09:00", until: "16:30", zone: Europe/Berlin}'


@dataclass(frozen=True)
class Act:
    """A field written in one environment, and the lines that some output has then, and has not otherwise."""

    environment: str
    written: str
    output: str
    lines: tuple[str, ...]


ACTS = {
    "migrations.lock_timeout": Act(
        "production",
        "migrations: {lock_timeout: 1s}",
        PLAN,
        ('"lock_timeout_ms": 1000,',),
    ),
    "migrations.statement_timeout": Act(
        "production",
        "migrations: {statement_timeout: 5m}",
        PLAN,
        ('"statement_timeout_ms": 300000',),
    ),
    "migrations.on_tenant_failure": Act(
        "staging", "migrations: {on_tenant_failure: continue}", STAGED, ('"max_failed_tenants": null,',)
    ),
    "migrations.max_failed_tenants": Act(
        "staging",
        "migrations: {on_tenant_failure: continue, max_failed_tenants: 3}",
        STAGED,
        ('"max_failed_tenants": 3,',),
    ),
    "migrations.verify": Act("production", "migrations: {verify: drift}", PLAN, ('"verify": "drift",',)),
    "migrations.canary": Act(
        "production", "migrations: {canary: [toshiba, iopex]}", PLAN, ('"toshiba",', '"iopex"')
    ),
    "rollback.schema": Act("staging", "rollback: {schema: downgrade}", STAGED, ('"max_downgrade": null',)),
    "rollback.max_downgrade_revisions": Act(
        "staging",
        "rollback: {schema: downgrade, max_downgrade_revisions: 2}",
        STAGED,
        ('"max_downgrade": 2',),
    ),
    "rollback.code": Act("staging", "rollback: {code: manual}", STAGING, ()),
    "deploy.sync": Act("production", "sync: manual", "out/production/argocd/application.yaml", ()),
    "deploy.window": Act(
        "production",
        f"window: {WINDOW}",
        "out/production/argocd/project.yaml",
        ('schedule: "0 9 * * 1,2"', 'duration: "450m"', 'timeZone: "Europe/Berlin"', "manualSync: false"),
    ),
    "approvals.upgrade": Act(
        "production",
        "approvals: {upgrade: 2}",
        ".github/workflows/elevaite-approve-production.yml",
        ('NEEDED: "2"',),
    ),
}
# What is no field of the lattice, and acts all the same.
ALSO = {
    "migrations.deadline": Act(
        "production",
        "migrations: {deadline: 10m, statement_timeout: 5m}",
        "out/production/chart/templates/migrations/job.yaml",
        ("activeDeadlineSeconds: 780", "- --deadline=600"),
    ),
    "migrations.parallelism": Act(
        "production", "migrations: {parallelism: 16}", PLAN, ('"parallelism": 16,',)
    ),
    "migrations.lock_retries": Act(
        "production", "migrations: {lock_retries: 30}", PLAN, ('"lock_retries": 30,',)
    ),
    "migrations.canary of nobody": Act("production", "migrations: {canary: []}", PLAN, ('"canary": [],',)),
    "rollback.schema of a laptop": Act("local", "rollback: {schema: forward-only}", "package.json", ()),
    "extension_schemas": Act(
        "platform",
        "migrations: {schema: public, extension_schemas: [postgis, citext]",
        PLAN,
        ('"extension_schemas": [', '"postgis",', '"citext"'),
    ),
    "skip_env": Act("platform", "migrations: {schema: public, skip_env: true", PLAN, ('"skip_env": true',)),
    "rollback.downgrade_test": Act(
        "platform",
        "rollback: {downgrade_test: false}",
        CHECK,
        (),
    ),
    "migrations.verify of a pull request": Act(
        "production",
        "migrations: {verify: drift}",
        CHECK,
        (
            "- name: The snapshot is what the migrations make",
            "AUTH_DATABASE_URL: postgresql://postgres@127.0.0.1:5432/auth",
            "python3 -m genmigrate upgrade --plan out/local/plan.json --service auth-api",
            "python3 -m genmigrate snapshot --plan out/local/plan.json --service auth-api --check --tool 'bin/gen'",
            "python3 -m genmigrate upgrade --plan out/local/plan.json --service ingestion-service",
        ),
    ),
    "deploy.window of Helm": Act("staging", f"window: {WINDOW}", STAGING, ('TZ: "Europe/Berlin"',)),
}
# What is there by default and goes when the field is written.
GONE = {
    "rollback.downgrade_test": "- name: Migrate down and up again",
    "rollback.code": "--rollback-on-failure \\",
    "rollback.schema of a laptop": '"migrate:rollback": "bin/gen migrate downgrade"',
    "deploy.sync": "automated: {prune: true, selfHeal: true}",
}


def _write(project: Path, act: Act) -> None:
    path = project / f"environments/{act.environment}.yaml"
    text = path.read_text(encoding="utf-8")
    key = act.written.partition(":")[0]
    if act.written.startswith("migrations: {schema: public"):
        text = text.replace("migrations: {schema: public", act.written)
    elif key in ("sync", "window"):
        text = text.replace("  via: ", f"  {act.written}\n  via: ")
    else:
        kept = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
        text = "\n".join([*kept, act.written, ""])
    path.write_text(text, encoding="utf-8")
    if (act.environment, key) == ("staging", "window"):
        production = project / "environments/production.yaml"
        excepted = 'exceptions: [{field: deploy.window, allow: none, reason: a test, until: "2099-12-31"}]'
        production.write_text(f"{production.read_text(encoding='utf-8')}{excepted}\n", encoding="utf-8")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.mark.parametrize("name", [*ACTS, *ALSO])
def test_field_acts(name: str, tmp_path: Path) -> None:
    act = {**ACTS, **ALSO}[name]
    project = copy_project(tmp_path)
    gen(project)
    before = _lines(project / act.output)
    _write(project, act)
    gen(project)
    differences = [
        line for line in difflib.ndiff(before, _lines(project / act.output)) if line[:2] in ("+ ", "- ")
    ]
    came = {line[2:].strip() for line in differences if line.startswith("+ ")}
    went = {line[2:].strip() for line in differences if line.startswith("- ")}
    assert set(act.lines) <= came
    assert differences
    if name in GONE:
        assert GONE[name] in went


def test_every_field_of_the_lattice_is_shown_to_act() -> None:
    assert sorted(ACTS) == sorted(field.name for field in FIELDS)
