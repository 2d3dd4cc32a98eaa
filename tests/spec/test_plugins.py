"""A plugin of pydantic's that is installed beside gen is never asked; pydantic itself would ask it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.compiler.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LOUD = """
import sys
class Plugin:
    def new_schema_validator(self, *given):
        print("asked", file=sys.stderr)
        return None, None, None
plugin = Plugin()
"""
MODEL = "import pydantic\nclass Model(pydantic.BaseModel):\n    number: int\n"
OURS = "import compiler.spec.model\n"
BEYOND = (
    "from pydantic.plugin._loader import PYDANTIC_ENTRY_POINT_GROUP as group\nassert group == 'pydantic'\n"
)


@pytest.mark.parametrize(("code", "asked"), [(MODEL, True), (OURS, False), (OURS + MODEL, False)])
def test_no_plugin_is_asked(tmp_path: Path, code: str, asked: bool) -> None:
    (tmp_path / "loud.py").write_text(LOUD, "utf-8")
    metadata = tmp_path / "loud-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1\n", "utf-8")
    (metadata / "entry_points.txt").write_text("[pydantic]\nloud = loud:plugin\n", "utf-8")
    assert ("asked" in python(code, tmp_path)) == asked


def test_what_else_pydantic_wants_of_its_loader_it_gets(tmp_path: Path) -> None:
    python(OURS + BEYOND, tmp_path)


def test_the_look_for_plugins_is_not_even_imported(tmp_path: Path) -> None:
    python(OURS + "import sys\nassert 'importlib.metadata' not in sys.modules\n", tmp_path)


def python(code: str, folder: Path) -> str:
    """Run `code` where the packages in `folder` are installed, and return what it says to stderr."""
    paths = os.pathsep.join([str(ROOT), str(folder)])
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr
