"""Mistakes that are planted in the outputs are found by the readers' tools, and reported at the leaf behind each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from compiler import cli, pipeline
from compiler.output.tree import Tree
from compiler.pipeline import Compiled, compile_environments
from genlint.run import judge
from genlint.tools.model import Tools
from tests.lint.planted import leaf, make_project, plant

CHART = "out/production/chart/templates"
AUTH = f"{CHART}/services/auth-api.yaml"
JOB = f"{CHART}/migrations/job.yaml"
APPLICATION = "out/production/argocd/application.yaml"
COMPOSE = "out/local/compose.yaml"
PULL_REQUEST = ".github/workflows/elevaite-pull-request.yml"
DEPLOY_STAGING = ".github/workflows/elevaite-deploy-staging.yml"


@dataclass(frozen=True)
class Plant:
    """A leaf by file, key and value; where its text is changed, and how; what is said of it, by whom."""

    leaf: tuple[str, str, str]
    path: str
    change: Callable[[str], str]
    tool: str
    message: str


def _to(text: str) -> Callable[[str], str]:
    return lambda _: text


def _within(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


PLANTS = {
    "a port": Plant(
        ("production", "port: ", "8104"), AUTH, _to('"8104"'), "kubeconform", "got string, want integer"
    ),
    "a number of replicas": Plant(
        ("production", "replicas: ", "3"), AUTH, _to("3.5"), "kubeconform", "got number, want integer"
    ),
    "a resource limit": Plant(
        ("production", "memory: ", "1Gi"), AUTH, _to("[1Gi]"), "kubeconform", "got array, want string"
    ),
    "a request": Plant(("production", "cpu: ", "200m"), AUTH, _to(""), "yamllint", "empty value"),
    "a namespace": Plant(
        ("production", "namespace: ", "production"),
        APPLICATION,
        _to("{}"),
        "kubeconform",
        "got object, want string",
    ),
    "a branch": Plant(
        ("production", "branch: ", "main"), APPLICATION, _to("5"), "kubeconform", "got number, want string"
    ),
    "an open port": Plant(
        ("production", "egress: ", "443"), AUTH, _within("443", "[443]"), "kubeconform", "got array"
    ),
    "a variable": Plant(
        ("production", "LOG_LEVEL: ", "debug"),
        AUTH,
        _to("0123"),
        "yamllint",
        "forbidden implicit octal value",
    ),
    "an image": Plant(
        ("production", "image: ", "ghcr.io/iopexses/elevaite/login"),
        AUTH,
        _within("elevaite", "{{ .Values.elevaite.name }}"),
        "helm",
        "nil pointer evaluating",
    ),
    "a tenant": Plant(
        ("production", "tenants: ", "customer1"),
        AUTH,
        _within("customer1", '{{ fail "customer1" }}'),
        "helm",
        "execution error at",
    ),
    "an inherited path": Plant(
        ("platform", "health: ", "/api/health"), AUTH, _to("yes"), "kubeconform", "got boolean, want string"
    ),
    "an inherited repository": Plant(
        ("platform", "repository: ", "https://github.com/iopexses/elevaite"),
        APPLICATION,
        _to("[https]"),
        "kubeconform",
        "got array, want string",
    ),
    "an inherited variable of the Job": Plant(
        ("platform", "url_env: ", "AUTH_DATABASE_URL"),
        JOB,
        _to("on"),
        "kubeconform",
        "got boolean, want string",
    ),
    "a word of a command": Plant(
        ("platform", "dev: [python, -m, ", "auth_api"),
        COMPOSE,
        _within("auth_api", "${auth_api"),
        "compose",
        "invalid interpolation",
    ),
    "a port on the laptop": Plant(
        ("platform", "port: ", "8006"), COMPOSE, _within("8006:", "80x6:"), "compose", "80x6"
    ),
    "a branch of a workflow": Plant(
        ("staging", "branch: ", "develop"),
        DEPLOY_STAGING,
        _within("develop", "de velop"),
        "actionlint",
        "character ' ' is invalid for branch and tag names",
    ),
    "an image of a workflow": Plant(
        (
            "platform",
            "image: ",
            "postgres:16@sha256:95206741a5b214807675e14165369d05b93a9cf692223b616d07cca227e74b0b",
        ),
        PULL_REQUEST,
        _within("@sha256:95206741a5b214807675e14165369d05b93a9cf692223b616d07cca227e74b0b", ""),
        "zizmor",
        "unpinned image",
    ),
    "a word of a script": Plant(
        ("platform", "tool: ", "bin/gen"),
        PULL_REQUEST,
        _within("bin/gen", "bin/gen $WORDS"),
        "shellcheck",
        "Double quote to prevent globbing",
    ),
    "a secret's name": Plant(
        ("platform", "slack: {secret: ", "SLACK_WEBHOOK_URL"),
        DEPLOY_STAGING,
        _within("SLACK_WEBHOOK_URL", "SLACK WEBHOOK"),
        "actionlint",
        "parser did not reach end of input",
    ),
}
# These stop a whole chart, or a whole Compose file, from being read; the others are found side by side.
ALONE = {"an image", "a tenant", "a word of a command", "a port on the laptop"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("platform"))


@pytest.fixture(scope="module")
def compiled(project: Path) -> Compiled:
    return compile_environments(project)


def _planted(tree: Tree, project: Path, *names: str) -> Tree:
    for name in names:
        one = PLANTS[name]
        tree = plant(tree, one.path, leaf(project, *one.leaf), one.change)
    return tree


def _beside(tree: Tree, path: str) -> Tree:
    """Return the tree without what no reader of the file at `path` needs, so that a test takes a second."""
    folder = "/".join(path.split("/")[:3])
    near = {name: file for name, file in tree.files.items() if name.startswith(folder) or name == path}
    return replace(tree, files={name: file for name, file in near.items() if not name.endswith("files.yaml")})


@pytest.mark.parametrize("name", PLANTS)
def test_a_finding_is_reported_at_its_leaf(
    name: str, project: Path, compiled: Compiled, tools: Tools
) -> None:
    assert compiled.tree is not None
    assert compiled.spec is not None
    one = PLANTS[name]
    tree = _beside(_planted(compiled.tree, project, name), one.path)
    report = judge(compiled.spec, tree, compiled.sources, (), print)
    assert report.error is None
    place = leaf(project, *one.leaf)
    found = [f for f in report.findings if f.message.startswith(f"{one.tool}[") and one.message in f.message]
    assert found, report.findings
    assert {(f.place.file, f.place.line, f.place.column) for f in found} == {
        (place.file, place.line, place.column)
    }, found
    assert all(note.place and note.place.line for f in found for note in f.notes)
    assert {f.notes[0].place.file for f in found if f.notes[0].place} == {one.path}
    others = {(f.place.file, f.place.line, f.place.column) for f in report.findings}
    assert others == {(place.file, place.line, place.column)}, report.findings


def test_all_at_once_as_the_command_reports_them(
    project: Path,
    compiled: Compiled,
    tools: Tools,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert compiled.tree is not None
    names = [name for name in PLANTS if name not in ALONE]
    assert len(names) >= 10
    tree = _planted(compiled.tree, project, *names)
    monkeypatch.setattr(pipeline, "compile_environments", lambda *_: replace(compiled, tree=tree))
    assert cli.lint(project, "concise") == cli.FINDINGS
    lines = capsys.readouterr().err.splitlines()
    for name in names:
        start = f"{leaf(project, *PLANTS[name].leaf)}: error[lint-finding] {PLANTS[name].tool}["
        assert [line for line in lines if line.startswith(start) and PLANTS[name].message in line], name
    assert lines[-1].startswith(f"{sum('[lint-finding]' in line for line in lines)} findings: helm ")
