"""What the native tests share: one fresh clone for the whole story, and small projects for single rules."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.native.clone import NativeClone, make_native_clone

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONES = pytest.StashKey[list[NativeClone]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[CLONES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for clone in config.stash[CLONES]:
        terminalreporter.section("native: commands and their seconds")
        for command, seconds in clone.timings:
            terminalreporter.line(f"{seconds:7.1f}  {command}")


@pytest.fixture(scope="module")
def clone(pytestconfig: pytest.Config) -> Iterator[NativeClone]:
    """A fresh clone with ports of its own; nothing of it is left afterwards."""
    made = make_native_clone(Path(tempfile.mkdtemp(prefix="native-")))
    pytestconfig.stash[CLONES].append(made)
    try:
        yield made
    finally:
        made.remove()
