"""The readers of the outputs, installed or built once, and a folder that stays empty if nothing is executed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from genlint.tools.build import MODULE, cache
from genlint.tools.find import find_tools
from genlint.tools.model import Tools
from tests.injection.readers import Readers

HERE = Path(__file__).parent
LOCK = HERE / "package-lock.json"
COMPOSE = HERE / "readers/compose/main.go"


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Find the linters; on a machine that has none yet this builds them, which takes minutes."""
    return find_tools(print)


@pytest.fixture(scope="session")
def readers(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Readers:
    """Install what npm has and build what Go has, each kept as long as its lock stays what it is."""
    scripts = tmp_path_factory.mktemp("readers")
    for script in (HERE / "readers").glob("*.mjs"):
        shutil.copy(script, scripts)
    (scripts / "node_modules").symlink_to(_kept("npm", [LOCK], _install) / "node_modules")
    compose = _kept("compose", [COMPOSE, MODULE / "go.mod", MODULE / "go.sum"], _build) / "compose"
    return Readers(scripts, compose, tools.programs["helm"], tmp_path_factory.mktemp("home"))


def _kept(name: str, sources: list[Path], make) -> Path:
    """Return the folder that `make` fills from `sources`, made now if it is not there."""
    key = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    kept = cache().parent / "tests" / f"{name}-{key}"
    if not kept.is_dir():
        new = kept.with_name(f".new-{name}-{os.getpid()}")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        make(new)
        try:
            new.rename(kept)
        except OSError:
            # Another run made it meanwhile.
            shutil.rmtree(new)
    return kept


def _install(folder: Path) -> None:
    for file in (LOCK, LOCK.with_name("package.json")):
        shutil.copy(file, folder)
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, {})


def _build(folder: Path) -> None:
    command = ["go", "build", "-C", str(MODULE), "-mod=readonly", "-buildvcs=false", "-trimpath"]
    variables = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    _run([*command, "-o", str(folder / "compose"), str(COMPOSE)], folder, variables)


def _run(command: list[str], folder: Path, variables: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder in which every payload that a shell executes leaves a file; nothing ever does."""
    folder = tmp_path_factory.mktemp("trip")
    yield folder
    assert list(folder.iterdir()) == []
