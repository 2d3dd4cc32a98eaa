"""What outputs say is what their readers accept: the runner, `gen dev`, npm, Docker Compose."""

from __future__ import annotations

import copy
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

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
    tenants = "".join(f"  - customer-{number:04}-with-a-long-name\n" for number in range(1000))
    staging = f"environment: staging\ntenants:\n{tenants}"
    (root / "environments/staging.yaml").write_text(staging, encoding="utf-8")
    gen(root)
    folder = root / "out/staging"
    size = sum(path.stat().st_size for path in [folder / "plan.json", *folder.glob("runner/genmigrate/*.py")])
    assert size < LIMIT_OF_A_CONFIGMAP_PAIR, f"{size} bytes"


def test_every_script_calls_a_command_that_exists() -> None:
    scripts = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["scripts"]
    assert {"dev", "dev:native", "dev:death", "migrate", "migrate:auth-api", "migrate:sql"} <= set(scripts)
    for name, command in scripts.items():
        tool, *arguments = shlex.split(command)
        assert tool == "bin/gen"
        done = gen(ROOT, *arguments, "--help")
        assert "usage" in done.stdout.lower(), f"{name}: {done.stdout}{done.stderr}"
        gen(ROOT, *arguments, "--no-such-option", code=2)


def test_every_container_command_of_the_runner_is_one_that_it_parses() -> None:
    compose = yaml.safe_load((ROOT / "out/local/compose.yaml").read_text(encoding="utf-8"))
    commands = [
        service["command"] for service in compose["services"].values() if "genmigrate" in str(service)
    ]
    commands = [command for command in commands if "genmigrate" in command]
    assert len(commands) == 4
    for command in commands:
        arguments = command[command.index("genmigrate") + 1 :]
        done = _runner(ROOT / "out/local/plan.json", *arguments, "--help")
        assert done.returncode == 0, done.stderr


def test_every_npm_script_of_a_readme_exists() -> None:
    scripts = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["scripts"]
    for page in [ROOT / "README.md", *(ROOT / "out").glob("*/README.md")]:
        for words in page.read_text(encoding="utf-8").split("npm run ")[1:]:
            name = re.match(r"(?:--silent )?([a-z0-9:-]+)", words)[1]
            assert name in scripts, f"{page}: npm run {name}"


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
