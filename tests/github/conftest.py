from __future__ import annotations

from pathlib import Path

import pytest

from tests.github.workflow import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A runner of GitHub's with nothing on it yet."""
    return Machine(tmp_path)
