"""What the engine tests share: an engine that answers, base images, one fresh clone for the whole story."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.clone import Clone, make_clone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MACHINE = Path(__file__).parent / "machine"
HINT = "on Debian 12 as root, tests/engine/machine/up.sh installs and starts what is missing"
CLONES = pytest.StashKey[list[Clone]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[CLONES] = []
    # A cancelled CI run sends SIGTERM: end as by Ctrl-C, so that the containers are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for clone in config.stash[CLONES]:
        terminalreporter.section("commands and their seconds")
        for command, seconds in clone.timings:
            terminalreporter.line(f"{seconds:7.1f}  {command}")


def answers(*command: str) -> bool:
    """Whether a command of the docker client succeeds."""
    try:
        return (
            subprocess.run(["docker", *command], capture_output=True, check=False, timeout=60).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """A Docker engine with compose and buildx; without one every test fails, none is skipped."""
    if not shutil.which("docker") or not answers("info"):
        pytest.fail(f"no Docker engine answers; {HINT}", pytrace=False)
    for plugin in ("compose", "buildx"):
        if not answers(plugin, "version"):
            pytest.fail(f"docker {plugin} is missing; {HINT}", pytrace=False)


@pytest.fixture(scope="session")
def images(engine: None) -> Mapping[str, str]:
    """The base images: those of the environment, else the stand-ins if they were built, else the pinned ones."""
    names = ("PYTHON_IMAGE", "POSTGRES_IMAGE")
    if given := {name: os.environ[name] for name in names if os.environ.get(name)}:
        return given
    listed = subprocess.run([MACHINE / "images.sh"], capture_output=True, text=True, check=True).stdout
    standins = dict(line.split("=", 1) for line in listed.splitlines())
    return standins if answers("image", "inspect", *standins.values()) else {}


@pytest.fixture(scope="session")
def clone(images: Mapping[str, str], pytestconfig: pytest.Config) -> Iterator[Clone]:
    """One fresh clone; the tests of a module tell its story in order. Removed with all its containers."""
    made = make_clone(
        Path(tempfile.mkdtemp(prefix="tenantship-engine-")), images, f"tenantship-test-{secrets.token_hex(4)}"
    )
    pytestconfig.stash[CLONES].append(made)
    try:
        yield made
    finally:
        made.remove()
