"""Outside of this repository: an environment that holds nothing but the wheel, read-only, and an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from genlint.tools.model import Tools

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def _run(
    command: list[str], cwd: Path, code: int = 0, read_only: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    if read_only is not None and os.geteuid() == 0:
        # Permissions do not hold for root, a read-only mount does.
        script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", script, str(read_only), *command]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run([str(BIN / "hatchling"), "build", "--target", "wheel", "--directory", str(folder)], ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone; returns its environment, made read-only."""
    return _install(str(wheel), tmp_path_factory.mktemp("environment") / "venv")


def _install(what: str, folder: Path) -> Path:
    _run([str(BIN / "uv"), "venv", "--quiet", "--python", sys.executable, str(folder)], folder.parent)
    python = folder / "bin/python"
    _run([str(BIN / "uv"), "pip", "install", "--quiet", "--python", str(python), what], folder.parent)
    if os.geteuid() != 0:
        _run(["chmod", "-R", "a-w", str(folder)], folder.parent)
    return folder


def test_wheel_holds_templates_and_packages_and_nothing_of_the_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    templates = {
        f"compiler/_templates/{p.relative_to(ROOT / 'templates')}" for p in (ROOT / "templates").rglob("*.j2")
    }
    assert templates <= names
    assert {"genlint/run.py", "genmigrate/__main__.py", "localdev/cli.py"} <= names
    module = {"genlint/tools/go.mod", "genlint/tools/go.sum", "genlint/tools/compose/main.go"}
    schemas = {f"genlint/schemas/{path.name}" for path in (ROOT / "genlint/schemas").glob("*.json")}
    assert module | schemas <= names
    assert not [
        name for name in names if name.startswith(("tests/", "python_apps/", "environments/", "out/"))
    ]


def test_init_compile_check(installed: Path, tmp_path: Path) -> None:
    gen = str(installed / "bin/gen")
    project = tmp_path / "my-shop"
    project.mkdir()
    assert "environments/platform.yaml" in _run([gen, "init"], project, read_only=installed).stderr
    assert " 0 unchanged" in _run([gen], project, read_only=installed).stderr
    assert 'platform: "my-shop"' in (project / "environments/platform.yaml").read_text(encoding="utf-8")
    _run([gen, "--check"], project, read_only=installed)
    _run([gen, "explain", "environments/local.yaml:3"], project, read_only=installed)
    assert (project / "out/local/runner/genmigrate/__main__.py").exists()
    assert (project / "package.json").exists()

    again = _run([gen, "init"], project, code=2, read_only=installed)
    assert "error[spec-exists]" in again.stderr


def test_lint_says_how_to_get_what_the_wheel_alone_does_not_bring(installed: Path, tmp_path: Path) -> None:
    gen = str(installed / "bin/gen")
    _run([gen, "init"], tmp_path, read_only=installed)
    done = _run([gen, "lint"], tmp_path, code=2, read_only=installed)
    assert "error[missing-tool]" in done.stderr
    assert "tenantship[lint]" in done.stderr


def test_lint_with_the_extra_that_brings_its_tools(wheel: Path, tmp_path: Path, tools: Tools) -> None:
    installed = _install(f"{wheel}[lint]", tmp_path / "venv")
    gen = str(installed / "bin/gen")
    project = tmp_path / "project"
    project.mkdir()
    _run([gen, "init"], project, read_only=installed)
    _run([gen], project, read_only=installed)
    # The lock in the wheel is that of the checkout, so the tools are there already.
    done = _run([gen, "lint"], project, read_only=installed)
    assert done.stderr.startswith("0 findings: helm ")


def test_starter_keeps_what_is_there(installed: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n", encoding="utf-8")
    _run([str(installed / "bin/gen"), "init"], tmp_path, read_only=installed)
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "mine\n"


def test_outside_of_any_project(installed: Path, tmp_path: Path) -> None:
    for command in ([], ["--check"], ["schema"], ["explain", "out/local/plan.json:1"]):
        done = _run([str(installed / "bin/gen"), *command], tmp_path, code=2, read_only=installed)
        assert "gen init" in done.stderr
