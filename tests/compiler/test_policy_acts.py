"""Every field of the policy acts: what changes, and in which output, when it is written otherwise."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import pytest

from compiler.spec.policy import FIELDS
from tests.compiler.project import copy_project, gen

STAGING = ".github/workflows/elevaite-deploy-staging.yml"
PRODUCTION = ".github/workflows/elevaite-deploy-production.yml"
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
        "out/production/plan.json",
        ('"lock_timeout_ms": 1000,',),
    ),
    "migrations.statement_timeout": Act(
        "production",
        "migrations: {statement_timeout: 5m}",
        "out/production/plan.json",
        ('"statement_timeout_ms": 300000',),
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
        "migrations: {deadline: 10m}",
        "out/production/chart/templates/migrations/job.yaml",
        ("activeDeadlineSeconds: 780", "- --deadline=600"),
    ),
    "rollback.downgrade_test": Act(
        "platform",
        "rollback: {downgrade_test: false}",
        ".github/workflows/elevaite-pull-request.yml",
        (),
    ),
    "deploy.window of Helm": Act("staging", f"window: {WINDOW}", STAGING, ('TZ: "Europe/Berlin"',)),
}
# What is there by default and goes when the field is written.
GONE = {
    "rollback.downgrade_test": "- name: Migrate down and up again",
    "rollback.code": "--rollback-on-failure \\",
    "deploy.sync": "automated: {prune: true, selfHeal: true}",
}


def _write(project: Path, act: Act) -> None:
    path = project / f"environments/{act.environment}.yaml"
    text = path.read_text(encoding="utf-8")
    key = act.written.partition(":")[0]
    if key in ("sync", "window"):
        text = text.replace("  via: ", f"  {act.written}\n  via: ")
    else:
        kept = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
        text = "\n".join([*kept, act.written, ""])
    path.write_text(text, encoding="utf-8")
    if (act.environment, key) == ("staging", "window"):
        production = project / "environments/production.yaml"
        excepted = 'exceptions: [{field: deploy.window, reason: a test, until: "2099-12-31"}]'
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
