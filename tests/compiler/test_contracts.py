"""What outputs say is what their readers accept: the runner, `gen dev`, npm, Docker Compose."""

from __future__ import annotations

import copy
import functools
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from genlint.tools.model import Tools
from tests.calls.find import calls, objects
from tests.calls.judge import TABLE, Judge
from tests.compiler.project import ROOT, copy_project, gen

SCHEMA = json.loads((ROOT / "genmigrate/plan.schema.json").read_text(encoding="utf-8"))
PLANS = sorted((ROOT / "out").glob("*/plan.json"))
LIMIT_OF_A_CONFIGMAP_PAIR = 200_000


def _runner(plan: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genmigrate", *arguments, "--plan", str(plan)]
    environment = {"PYTHONPATH": str(plan.parent / "runner"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=plan.parent, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.parent.name)
def test_plan_keeps_its_schema(plan: Path) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(plan.read_text(encoding="utf-8")))


def _with_an_unknown_key(value: Any) -> list[Any]:
    """Return copies of a document, each with one unknown key in one of its objects."""
    documents = []

    def visit(path: list[str | int], part: Any) -> None:
        if isinstance(part, dict):
            changed = copy.deepcopy(value)
            at = changed
            for step in path:
                at = at[step]
            at["surprise"] = 1
            documents.append(changed)
            for key, below in part.items():
                visit([*path, key], below)
        elif isinstance(part, list):
            for index, below in enumerate(part):
                visit([*path, index], below)

    visit([], value)
    return documents


def test_runner_refuses_an_unknown_key_and_an_unknown_version(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    gen(root)
    plan = root / "out/local/plan.json"
    good = json.loads(plan.read_text(encoding="utf-8"))
    bad = [*_with_an_unknown_key(good), {**good, "version": 2}]
    assert len(bad) >= 6
    for document in bad:
        plan.write_text(json.dumps(document), encoding="utf-8")
        done = _runner(plan, "status")
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def test_plan_and_runner_fit_into_a_configmap_with_a_thousand_tenants(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    file = root / "environments/staging.yaml"
    tenants = ", ".join(f"customer{number:04}" for number in range(1000))
    written = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"(?m)^tenants: .*$", f"tenants: [{tenants}]", written), encoding="utf-8")
    gen(root)
    folder = root / "out/staging"
    size = sum(path.stat().st_size for path in [folder / "plan.json", *folder.glob("runner/genmigrate/*.py")])
    assert size < LIMIT_OF_A_CONFIGMAP_PAIR, f"{size} bytes"


# The platform's own outputs, and the golden cases, in which every field of the grammar is written once.
TREES = {"reference": ROOT, **{path.parent.name: path for path in (ROOT / "tests/golden").glob("*/expected")}}


def _tree(name: str) -> dict[str, str]:
    root = TREES[name]
    found = [*root.glob("out/*/**/*"), *root.glob(".github/workflows/*"), root / "package.json"]
    found += [*root.glob("README.md"), *root.glob("docs/*.md")]
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in found
        if path.is_file()
    }


@functools.cache
def _judge(name: str, helm: Path) -> Judge:
    root = ROOT if name == "reference" else TREES[name].with_name("given")
    platform = yaml.safe_load((root / "environments/platform.yaml").read_text(encoding="utf-8"))
    files = _tree(name)
    scripts = json.loads(files.get("package.json", "{}")).get("scripts", {})
    tool = tuple(platform.get("tool", "gen").split())
    return Judge(tool, frozenset(scripts), helm, platform, objects(files))


def _faults(judge: Judge, files: dict[str, str]) -> list[str]:
    found = calls(files, " ".join(judge.tool))
    assert found
    theirs = [call for call in found if call.reader == "npm" and call.words[: len(judge.tool)] != judge.tool]
    return [fault for call in found if call not in theirs and (fault := judge.fault(call))]


@pytest.mark.parametrize("name", TREES)
def test_every_command_of_every_output_is_one_that_its_program_takes(name: str, tools: Tools) -> None:
    assert _faults(_judge(name, tools.programs["helm"]), _tree(name)) == []


def test_the_outputs_that_call_something_are_all_looked_at() -> None:
    found = calls(_tree("reference"), "bin/gen")
    words = [call.words for call in found]
    readers = {(call.where.split(":")[0], call.reader) for call in found}
    workflows = {f".github/workflows/{path.name}" for path in (ROOT / ".github/workflows").glob("*.yml")}
    assert {(path, "runner") for path in workflows} <= readers
    assert {
        (".github/workflows/elevaite-deploy-staging.yml", "person"),
        ("out/local/compose.yaml", "container"),
        ("out/local/README.md", "person"),
        ("out/production/README.md", "person"),
        ("out/staging/chart/templates/migrations/job.yaml", "container"),
        ("out/staging/chart/templates/services/auth-api.yaml", "container"),
        ("package.json", "npm"),
    } <= readers
    pins = [call for call in found if call.words[:3] == ("bin/gen", "image", "pin")]
    assert {call.reader for call in pins} == {"runner", "person"}
    runner = [call.words[3] for call in found if call.words[:3] == ("python3", "-m", "genmigrate")]
    assert {name: runner.count(name) for name in set(runner)} == {"upgrade": 3, "wait": 6, "worker": 9}
    assert {"dev", "dev:native", "dev:death", "migrate", "migrate:auth-api", "migrate:rollback"} <= {
        call.where.removeprefix("package.json: ") for call in found if call.reader == "npm"
    }
    assert ("bin/gen", "lint") in words


# Where, what stands there, and what nobody has: each must be found.
BROKEN = [
    (".github/workflows/elevaite-pull-request.yml", "bin/gen lint", "bin/gen lnit"),
    (".github/workflows/elevaite-pull-request.yml", "bin/gen --check", "bin/gen --verify"),
    (".github/workflows/elevaite-pull-request.yml", "bin/gen migrations check", "bin/gen migrations"),
    (".github/workflows/elevaite-pull-request.yml", "alembic.ini check", "alembic.ini chekc"),
    (".github/workflows/elevaite-pull-request.yml", "uv run --frozen", "uv run --frosen"),
    (".github/workflows/elevaite-pull-request.yml", "pg_isready --host", "pg_ready --host"),
    (".github/workflows/elevaite-deploy-staging.yml", 'bin/gen image pin "$', 'bin/gen image pins "$'),
    (".github/workflows/elevaite-deploy-staging.yml", 'echo "bin/gen image pin', 'echo "bin/gen image pni'),
    (".github/workflows/elevaite-deploy-staging.yml", "-e $TARGET", "--into $TARGET"),
    (".github/workflows/elevaite-deploy-staging.yml", "--rollback-on-failure", "--roll-back-on-failure"),
    (".github/workflows/elevaite-deploy-staging.yml", "  helm rollback", "  helm roll-back"),
    (".github/workflows/elevaite-deploy-staging.yml", "kubectl rollout status", "kubectl rollout state"),
    (".github/workflows/elevaite-deploy-staging.yml", "look .status.active", "see .status.active"),
    (".github/workflows/elevaite-approve-production.yml", "gh api --paginate", "gh api --all-pages"),
    ("out/local/compose.yaml", '"genmigrate", "upgrade"', '"genmigrate", "upgarde"'),
    ("out/local/compose.yaml", '"--workers", "external"', '"--workers", "outside"'),
    ("out/local/compose.yaml", '"pg_isready"', '"pg_is_ready"'),
    ("out/staging/chart/templates/migrations/job.yaml", "- --deadline=1800", "- --dead-line=1800"),
    ("out/staging/chart/templates/migrations/job.yaml", "- worker\n", "- work\n"),
    ("out/production/chart/templates/services/auth-api.yaml", "- --at-least", "- --at-most"),
    ("out/production/chart/templates/services/auth-api.yaml", "- genmigrate", "- migrate"),
    ("out/production/README.md", "image pin", "images pin"),
    (
        "out/production/README.md",
        "--selector app.kubernetes.io/name=elevaite-migrations",
        "--selector app=elevaite",
    ),
    ("out/production/README.md", "--sort-by", "--sorted-by"),
    ("out/staging/README.md", "job/elevaite-migrations", "job/elevaite-migration"),
    ("out/staging/README.md", "--namespace staging", "--namespace stage"),
    ("out/local/README.md", "`npm run dev`", "`npm run start`"),
    ("package.json", "bin/gen dev up --native", "bin/gen dev up --local"),
    ("package.json", "bin/gen migrate status", "bin/gen migrate state"),
    ("package.json", "bin/gen migrate downgrade", "bin/gen migrate down"),
    ("README.md", "uv run gen explain", "uv run gen explains"),
]


@pytest.mark.parametrize(("path", "old", "new"), BROKEN, ids=lambda text: text if len(text) < 30 else "")
def test_a_command_that_is_not_there_is_found(path: str, old: str, new: str, tools: Tools) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert old in text
    judge = _judge("reference", tools.programs["helm"])
    assert _faults(judge, {path: text}) == []
    assert _faults(judge, {path: text.replace(old, new)})


def test_each_program_refuses_an_option_that_it_does_not_have(tools: Tools) -> None:
    files = _tree("reference")
    judge = _judge("reference", tools.programs["helm"])
    ours = ("bin/gen", "gen", "python3", "helm", "kubectl", "gh", "docker", "alembic")
    found = {
        call.words: call
        for call in calls(files, "bin/gen")
        if call.words[0] in ours and "-c" not in call.words and call.reader != "named"
    }
    assert len(found) > 30
    for words, call in found.items():
        asked = replace(call, words=(*words, "--no-such-option"))
        assert judge.fault(asked), words


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not on PATH; the table of judge.py stands in"
)
@pytest.mark.parametrize("command", [key for key in TABLE if key[0] == "kubectl"], ids=" ".join)
def test_the_table_of_kubectl_is_what_kubectl_says(command: tuple[str, ...]) -> None:
    for option in (*TABLE[command].split(), "--no-such-option"):
        done = subprocess.run(
            [*command, f"{option}=1", "--help"], capture_output=True, text=True, check=False
        )
        assert ("unknown flag" in done.stderr) == (option == "--no-such-option"), option


def test_env_example_names_every_variable_that_a_service_is_told() -> None:
    dev = json.loads((ROOT / "out/local/dev.json").read_text(encoding="utf-8"))
    named = {
        line.split("=")[0]
        for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.startswith("#")
    }
    told = {dev["postgres"]["password_env"], dev["tenants"]["env"]}
    for service in dev["services"]:
        told |= {service["url_env"], *service["secrets"]}
    assert named == told
