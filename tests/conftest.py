"""What every test may use: the one flag that rewrites goldens and pages, refused in CI."""

from __future__ import annotations

import os

import pytest


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
