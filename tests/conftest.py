"""What every test may use: the one flag that rewrites goldens and pages, refused in CI; the linters, built once."""

from __future__ import annotations

import os

import pytest

from genlint.tools.find import find_tools
from genlint.tools.model import Tools


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden trees and executed pages")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update") and os.environ.get("CI"):
        raise pytest.UsageError(
            "--update rewrites what CI compares: run it on your machine and commit the diff"
        )


@pytest.fixture(scope="session")
def update(pytestconfig: pytest.Config) -> bool:
    """Tell whether goldens and pages are to be rewritten instead of compared."""
    return bool(pytestconfig.getoption("--update"))


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Find the linters; on a machine that has none yet this builds them, which takes minutes."""
    return find_tools(print)
