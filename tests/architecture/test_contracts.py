"""The import contracts hold, and each of them notices the import that it forbids."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).resolve().parents[2]
LINT = Path(sys.executable).with_name("lint-imports")
PACKAGES = ("compiler", "genlint", "genmigrate", "localdev")

# contract → a module and the line that breaks exactly that contract
BREACHES = {
    "layers": ("compiler/diagnostics/model.py", "import compiler.explain"),
    "spec-is-read-once": ("compiler/emit/file.py", "import compiler.spec.model"),
    "emitters": ("compiler/emit/npm.py", "import compiler.emit.compose"),
    "plan-is-plain": ("compiler/plan/model.py", "import yaml"),
    "compiler-alone": ("compiler/emit/runner.py", "import genmigrate"),
    "runner-alone": ("genmigrate/__main__.py", "import yaml"),
    "linters-alone": ("genlint/trace.py", "import genmigrate"),
    "localdev-alone": ("localdev/__init__.py", "import compiler.explain"),
}


def _contracts() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]]


def _lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    command = [str(LINT), "--no-cache", "--contract", contract]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_every_contract_has_its_breach() -> None:
    assert sorted(BREACHES) == sorted(_contracts())


@pytest.mark.parametrize("contract", sorted(BREACHES))
def test_contract_notices_its_breach(contract: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert _lint(tmp_path, contract).returncode == 0

    module, line = BREACHES[contract]
    path = tmp_path / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    broken = _lint(tmp_path, contract)
    assert broken.returncode == 1, broken.stdout
    assert "1 broken" in broken.stdout
