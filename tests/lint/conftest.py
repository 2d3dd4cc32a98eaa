"""A way to show the linters a few files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from genlint.tools.model import Tools
from genlint.workspace import Workspace, workspace

Show = Callable[[dict[str, str]], Workspace]


@pytest.fixture
def show(tools: Tools) -> Iterator[Show]:
    """Give files by their path in a project to the tools."""
    with ExitStack() as stack:
        yield lambda files: stack.enter_context(workspace(files, tools))
