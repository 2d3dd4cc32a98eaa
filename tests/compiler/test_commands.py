"""The commands as a user meets them: exit codes, what is said where, and that nothing is ever lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.compiler.project import ROOT, copy_project, edit, gen, snapshot


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = copy_project(tmp_path)
    gen(folder)
    return folder


def test_check_names_the_cause_shows_the_diff_and_ends_with_the_repair(project: Path) -> None:
    edit(project / "out/local/compose.yaml", "restart: unless-stopped", "restart: always")
    edit(project / "environments/production.yaml", "customer1", "customer2")
    (project / ".env.example").unlink()
    before = snapshot(project)
    done = gen(project, "--check", code=1)
    assert snapshot(project) == before
    lines = done.stderr.splitlines()
    assert "out/local/compose.yaml: hand-edited" in lines
    assert "out/production/plan.json: stale" in lines
    assert ".env.example: missing" in lines
    assert "-    restart: always" in lines
    assert "+    restart: unless-stopped" in lines
    assert lines[-1] == "run `gen` to repair, and commit what it writes"
    assert done.stdout == ""


def test_hand_edit_is_kept(project: Path) -> None:
    output = project / "out/local/compose.yaml"
    edit(output, "restart: unless-stopped", "restart: always")
    edited = output.read_bytes()
    done = gen(project)
    (saved,) = [path for path in (project / ".gen/saved").rglob("*") if path.is_file()]
    assert saved.read_bytes() == edited
    assert saved.relative_to(project).as_posix() in done.stderr
    gen(project, "--check")


def test_nothing_is_written_when_anything_is_wrong(project: Path) -> None:
    before = snapshot(project)
    edit(project / "environments/staging.yaml", "[default,", "[default, default,")
    edit(project / "environments/production.yaml", "lock_timeout: 2s", "lock_timeout: 20s")
    done = gen(project, code=2)
    assert done.stderr.count("error[") == 2
    after = snapshot(project)
    assert {p: after[p] for p in after if p.startswith("out/")} == {
        p: before[p] for p in before if p.startswith("out/")
    }


@pytest.mark.parametrize("form", ["json", "github", "concise", "full"])
def test_formats(form: str, project: Path) -> None:
    edit(project / "environments/staging.yaml", "tenants:", "tennants:")
    done = gen(project, "--format", form, code=2)
    if form == "json":
        found = json.loads(done.stdout)
        assert {entry["code"] for entry in found} >= {"unknown-key"}
    elif form == "github":
        assert "::error file=environments/staging.yaml,line=3" in done.stdout
    else:
        assert "environments/staging.yaml:3:1: error[unknown-key]" in done.stderr


def test_everything_below_out_may_go(project: Path) -> None:
    before = snapshot(project)
    subprocess.run(["rm", "-rf", "out"], cwd=project, check=True)
    gen(project)
    assert snapshot(project) == before


def test_foreign_script_and_its_way_out(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    text = '{\n  "scripts": {\n    "dev": "vite"\n  }\n}\n'
    (project / "package.json").write_text(text, encoding="utf-8")
    done = gen(project, code=2)
    assert "package.json:3:5: error[foreign-script]" in done.stderr
    assert "gen --take dev" in done.stderr
    assert (project / "package.json").read_text(encoding="utf-8") == text
    assert not (project / "out").exists()
    gen(project, "--take", "dev")
    gen(project, "--check")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "package-json-syntax"),
        ('{"scripts": {"dev": "a", "dev": "b"}}', "package-json-duplicate-key"),
        ("[]", "package-json"),
    ],
)
def test_broken_package_json(text: str, code: str, tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    (project / "package.json").write_text(text, encoding="utf-8")
    done = gen(project, code=2)
    assert f"error[{code}" in done.stderr
    assert "package.json:1:" in done.stderr
    assert f"1 | {text}" in done.stderr
    assert (project / "package.json").read_text(encoding="utf-8") == text


def test_hand_written_file_where_an_output_belongs(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    (project / "out/local").mkdir(parents=True)
    (project / "out/local/compose.yaml").write_text("services: {}\n", encoding="utf-8")
    done = gen(project, code=2)
    assert "out/local/compose.yaml: error[foreign-file]" in done.stderr
    assert (project / "out/local/compose.yaml").read_text(encoding="utf-8") == "services: {}\n"


def test_two_at_once_end_with_one_whole_tree(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "compiler"]
    runs = [
        subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for run in runs:
        _, said = run.communicate(timeout=60)
        assert run.returncode in (0, 2), said
        assert "Traceback" not in said
    gen(project)
    gen(project, "--check")


def test_interrupted_is_130_and_leaves_no_half_written_tree(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import sys; "
    code += "from compiler.cli import main; print('up', flush=True); sys.exit(main([]))"
    for delay in (0.0, 0.05, 0.1, 0.2, 0.3):
        run = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert run.stdout is not None
        assert run.stdout.readline() == "up\n"
        time.sleep(delay)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
        # The interpreter that already says goodbye dies of the signal, which a shell calls 130 too.
        late = run.returncode == -signal.SIGINT and " unchanged (" in said
        assert run.returncode in (0, 130) or late, said
        assert "Traceback" not in said
    gen(project)
    gen(project, "--check")


def test_explain_both_ways(project: Path) -> None:
    compose = (project / "out/local/compose.yaml").read_text(encoding="utf-8").splitlines()
    line = compose.index('      PORT: "8004"') + 1
    platform = (project / "environments/platform.yaml").read_text(encoding="utf-8").splitlines()
    port = platform.index("    port: 8004") + 1
    done = gen(project, "explain", f"out/local/compose.yaml:{line}")
    assert done.stdout.splitlines()[0] == f"environments/platform.yaml:{port}:11: port: 8004"
    back = gen(project, "explain", f"environments/platform.yaml:{port}").stdout.splitlines()
    assert f'out/local/compose.yaml:{line}: PORT: "8004"' in back
    for place, said in {
        "out/local/compose.yaml:99999": "the output has",
        "out/local/nothing.yaml:1": "does not write this file",
        "nonsense": "expected FILE:LINE",
    }.items():
        assert said in gen(project, "explain", place, code=2).stderr


def test_a_closed_pipe_is_no_mistake(project: Path) -> None:
    command = f"'{sys.executable}' -m compiler explain environments/platform.yaml:3 | head -1; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["\\ud800", "bin/gen \\ud800"])
def test_a_script_that_no_utf8_can_hold(command: str, project: Path) -> None:
    (project / "package.json").write_text('{"scripts": {"dev": "' + command + '"}}', encoding="utf-8")
    gen(project, "--check", code=2 if "gen" not in command else 1)


def test_what_the_system_refuses_is_no_drift(project: Path) -> None:
    command = f"'{sys.executable}' -m compiler explain environments/platform.yaml:3 > /dev/full"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode not in (0, 1), done.stderr


def test_usage_mistakes(project: Path) -> None:
    for arguments in (["--frobnicate"], ["nonsense"], ["--format", "xml"], ["explain"]):
        gen(project, *arguments, code=2)
    for arguments in ([], ["explain"], ["schema"], ["init"], ["dev"], ["migrate"]):
        assert "usage" in gen(project, *arguments, "--help").stdout.lower()


def test_committed_schemas_are_fresh(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    before = snapshot(project)
    gen(project, "schema")
    assert snapshot(project) == before
    json.loads(gen(project, "schema", "--print").stdout)
