"""No rule is broken by what the grammar allows: every golden project, and ways to deploy that none of them shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compiler.pipeline import compile_environments
from tests.compiler.project import copy_project
from tests.golden.test_golden import CASES, prepare

PORT = "    port: 8004\n"
CLUSTER = r"cluster: \{kubeconfig: \w+\}"
ROLE = "arn:aws:iam::123456789012:role/x"
CLOUD = f"cluster: {{aws: {{role: '{ROLE}', region: eu-central-1, name: a}}}}"
MORE = "\n  pull_secret_name: registry\n  ingress_from: [ingress-nginx]\n  database_port: 6432"
WINDOW = "\n  window: {days: [mon], from: '09:00', until: '16:00', zone: Europe/Berlin}"

# name → file in environments/, pattern, what is put in its place
VARIANTS: dict[str, list[tuple[str, str, str]]] = {
    "nothing migrates": [
        ("platform", r"    database: \w+\n", ""),
        ("platform", r"    migrations: .*\n", ""),
    ],
    "nobody is told": [("platform", r"notify: .*\n", "")],
    "digests of another branch": [("staging", "  via: helm\n", "  via: helm\n  build: false\n")],
    "a cloud, another port, a pull secret": [("staging", CLUSTER, CLOUD + MORE)],
    "windows": [("staging", CLUSTER, CLOUD + WINDOW), ("production", CLUSTER, CLOUD + WINDOW)],
    "an app writes": [("staging", "writer: person", "writer: app")],
    "a sync by hand": [("production", "  via: argocd\n", "  via: argocd\n  sync: manual\n")],
    "one tenant": [("staging", r"tenants: .*", "tenants: [only]")],
    "more of a service": [
        ("platform", PORT, f"{PORT}    replicas: 1\n    egress: [443, 587]\n    env: {{LOG_LEVEL: info}}\n")
    ],
    "a text that looks like an expression": [
        ("staging", "name: login is up", "name: '${{ secrets.GITHUB_TOKEN }} {{ 7 }} $(id)'")
    ],
    "a short deadline": [("platform", "statement_timeout: 15m", "statement_timeout: 5s, deadline: 10s")],
}


@pytest.mark.parametrize("case", CASES)
def test_golden_projects_break_no_rule(case: str, tmp_path: Path) -> None:
    prepare(case, tmp_path)
    assert compile_environments(tmp_path).diagnostics == []


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_break_no_rule(name: str, tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    for file, pattern, new in VARIANTS[name]:
        path = root / f"environments/{file}.yaml"
        before = path.read_text(encoding="utf-8")
        pieces = re.split(pattern, before)
        assert len(pieces) > 1, f"{pattern} is not in {file}"
        path.write_text(new.join(pieces), encoding="utf-8")
    compiled = compile_environments(root)
    assert compiled.diagnostics == []
    assert compiled.tree is not None
