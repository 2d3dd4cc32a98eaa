"""Each linter finds nothing in what is right, and what is wrong in a file that is deliberately bad, at its place."""

from __future__ import annotations

import re

import pytest

from genlint.consumers import actionlint, compose, helm, kubeconform, yamllint, zizmor
from genlint.documents import emitted
from genlint.finding import Finding
from tests.lint.conftest import Show

CHART = "out/staging/chart"
FILES = {
    f"{CHART}/Chart.yaml": "apiVersion: v2\nname: shop\ndescription: Shop\ntype: application\nversion: 1.0.0\n",
    f"{CHART}/values.yaml": "images: {}\n",
    f"{CHART}/values.schema.json": """\
{
  "type": "object",
  "additionalProperties": false,
  "required": ["images"],
  "properties": {
    "images": {
      "type": "object",
      "additionalProperties": false,
      "required": ["web"],
      "properties": {"web": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}}
    }
  }
}
""",
    f"{CHART}/templates/web.yaml": """\
# Two objects, of which helm sorts the second before the first.
apiVersion: batch/v1
kind: Job
metadata:
  name: "web"
spec:
  backoffLimit: 3
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: web
          image: 'ghcr.io/acme/web@{{ index .Values.images "web" }}'
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: "web"
automountServiceAccountToken: false
""",
    f"{CHART}/templates/NOTES.txt": "Nothing.\n",
    "out/local/compose.yaml": """\
name: "shop-local"
services:
  web:
    image: "web:${TAG:-local}"
    environment:
      PASSWORD: "${PASSWORD:?is blank}"
      COST: "$$5"
    ports: ["127.0.0.1:8000:8000"]
    depends_on:
      database: {condition: service_started}
  database:
    image: "postgres:16"
    mem_limit: 1g
    profiles: ["all"]
""",
    ".github/workflows/shop-test.yml": """\
name: shop
on:
  pull_request: {}
permissions: {}
concurrency:
  group: shop-${{ github.ref }}
  cancel-in-progress: true
jobs:
  test:
    name: Test
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read  # to check out
    steps:
      - name: Check out
        uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1  # v7.0.1
        with:
          persist-credentials: false
      - name: Test
        run: |
          set -euo pipefail
          make test
""",
}
WORKFLOW = ".github/workflows/shop-test.yml"
WEB = f"{CHART}/templates/web.yaml"
COMPOSE = "out/local/compose.yaml"

# what it is → tool, file, the text that is there, what it becomes, the rule, a part of the message, the place
BAD = {
    "an action fails": (
        ("helm", WEB, 'index .Values.images "web"', "index .Values.nothing 3"),
        ("template", "index of untyped nil", "13:39"),
    ),
    "a template that is no YAML": (
        ("helm", WEB, "backoffLimit: 3", "backoffLimit: [3"),
        ("lint", "did not find expected", "8:11"),
    ),
    "a name that Kubernetes refuses": (
        ("helm", WEB, 'name: "web"\nspec', 'name: "Web"\nspec'),
        ("lint", "does not conform to Kubernetes naming", "5:9"),
    ),
    "a value that the chart's schema refuses": (
        ("helm", f"{CHART}/values.yaml", "images: {}", "images: {}\nextra: 1"),
        ("values", "additional properties 'extra'", "2:1"),
    ),
    "a chart without a version": (
        ("helm", f"{CHART}/Chart.yaml", "version: 1.0.0\n", "version: one\n"),
        ("lint", "version 'one' is not a valid SemVer", "5:10"),
    ),
    "a field of another type": (
        ("kubeconform", WEB, "backoffLimit: 3", 'backoffLimit: "3"'),
        ("Job", "/spec/backoffLimit: got string, want integer", "7:17"),
    ),
    "an unknown field": (
        ("kubeconform", WEB, "automountServiceAccountToken", "automountToken"),
        ("ServiceAccount", "additional properties 'automountToken'", "19:1"),
    ),
    "a kind without a type": (
        ("kubeconform", WEB, "kind: ServiceAccount", "kind: CronTab"),
        ("CronTab", "could not find schema", "16:7"),
    ),
    "a missing field": (
        ("kubeconform", WEB, "        - name: web\n          image", "        - image"),
        ("Job", "missing property 'name'", "12:11"),
    ),
    "no value": (
        ("kubeconform", WEB, "restartPolicy: Never", "restartPolicy:"),
        ("Job", "/spec/template/spec/restartPolicy: got null", "10:21"),
    ),
    "a key twice in a chart": (
        ("yamllint", WEB, "backoffLimit: 3", "backoffLimit: 3\n  backoffLimit: 3"),
        ("key-duplicates", 'duplication of key "backoffLimit"', "8:3"),
    ),
    "a space at the end": (
        ("yamllint", WORKFLOW, "name: Test\n    runs", "name: Test \n    runs"),
        ("trailing-spaces", "trailing spaces", "10:15"),
    ),
    "an octal number": (
        ("yamllint", WORKFLOW, "timeout-minutes: 10", "timeout-minutes: 010"),
        ("octal-values", "forbidden implicit octal value", "12:25"),
    ),
    "an unknown key of Compose": (
        ("compose", COMPOSE, "mem_limit: 1g", "memory: 1g"),
        ("load", "additional properties 'memory' not allowed", "13:5"),
    ),
    "a size that is none": (
        ("compose", COMPOSE, "mem_limit: 1g", "mem_limit: 1gg"),
        ("load", "invalid suffix: 'gg'", "13:16"),
    ),
    "a service that is none": (
        ("compose", COMPOSE, "database: {condition", "databose: {condition"),
        ("load", 'undefined service "databose"', "10:7"),
    ),
    "a port that is none": (
        ("compose", COMPOSE, "8000:8000", "80xx:8000"),
        ("load", "Invalid hostPort: 80xx", "8:13"),
    ),
    "a dollar that is not doubled": (
        ("compose", COMPOSE, "$$5", "${5"),
        ("load", "invalid interpolation format for services.web.environment.COST", "7:13"),
    ),
    "an unknown key of a job": (
        ("actionlint", WORKFLOW, "timeout-minutes", "timeout"),
        ("syntax-check", 'unexpected key "timeout"', "12:5"),
    ),
    "an expression that is none": (
        ("actionlint", WORKFLOW, "github.ref }}", "githu.ref }}"),
        ("expression", 'undefined variable "githu"', "6:19"),
    ),
    "an unquoted variable": (
        ("shellcheck", WORKFLOW, "make test", "make $GOAL"),
        ("SC2086", "Double quote to prevent globbing", "23:16"),
    ),
    "a tag instead of a commit": (
        ("zizmor", WORKFLOW, "3d3c42e5aac5ba805825da76410c181273ba90b1  # v7.0.1", "v7"),
        ("unpinned-uses", "not pinned to a hash", "17:15"),
    ),
    "a permission too many": (
        ("zizmor", WORKFLOW, "permissions: {}", "permissions: write-all"),
        ("excessive-permissions", "write-all", "4:1"),
    ),
    "text of a stranger in a shell": (
        ("zizmor", WORKFLOW, "make test", "make ${{ github.head_ref }}"),
        ("template-injection", "attacker-controllable", "23:20"),
    ),
    "a workflow that is none": (
        ("zizmor", WORKFLOW, "jobs:\n", "job:\n"),
        ("schema", "does not match", "None"),
    ),
}


def _run(tool: str, files: dict[str, str], show: Show) -> list[Finding]:
    space = show(files)
    if tool == "zizmor":
        return zizmor.check(space, WORKFLOW)
    if tool in ("actionlint", "shellcheck"):
        return actionlint.check(space, [WORKFLOW])
    if tool == "compose":
        return compose.check(space, COMPOSE)
    (chart,) = helm.charts(space)
    rendered, documents = helm.render(space, chart)
    if tool == "helm":
        return sorted({*helm.lint(space, chart), *rendered})
    documents += emitted(WORKFLOW, files[WORKFLOW]) if tool == "yamllint" else []
    return kubeconform.check(space, documents) if tool == "kubeconform" else yamllint.check(space, documents)


@pytest.mark.parametrize("tool", ["helm", "kubeconform", "yamllint", "compose", "actionlint", "zizmor"])
def test_what_is_right_has_no_findings(tool: str, show: Show) -> None:
    assert _run(tool, FILES, show) == []


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_found(what: str, show: Show) -> None:
    (tool, path, old, new), (rule, message, place) = BAD[what]
    assert FILES[path].count(old) == 1, FILES[path].count(old)
    found = _run(tool, {**FILES, path: FILES[path].replace(old, new)}, show)
    assert found, "not found"
    one = next((one for one in found if one.rule == rule and message in one.message), None)
    assert one is not None, found
    at = f"{one.extent.line}:{one.extent.column}" if one.extent.line else "None"
    assert (one.tool, one.path, at) == (tool, path, place), found


def test_no_tool_sees_the_users_settings(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "x")
    monkeypatch.setenv("HELM_DEBUG", "true")
    files = {**FILES, ".github/zizmor.yml": "rules: {unpinned-uses: {disable: true}}\n"}
    files[WORKFLOW] = re.sub("checkout@.*", "checkout@v7 # zizmor: ignore[unpinned-uses]", files[WORKFLOW])
    assert [one.rule for one in zizmor.check(show(files), WORKFLOW)] == ["unpinned-uses"]
