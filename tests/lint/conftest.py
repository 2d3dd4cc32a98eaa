"""The linters, built once for every test, and a way to show them a few files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from genlint.tools.find import find_tools
from genlint.tools.model import Tools
from genlint.workspace import Workspace, workspace

Show = Callable[[dict[str, str]], Workspace]


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Find the linters; on a machine that has none yet this builds them, which takes minutes."""
    return find_tools(print)


@pytest.fixture
def show(tools: Tools) -> Iterator[Show]:
    """Give files by their path in a project to the tools."""
    with ExitStack() as stack:
        yield lambda files: stack.enter_context(workspace(files, tools))
