"""Every code has a page, and every page says exactly what `gen` says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from compiler.diagnostics.codes import CODES
from tests.diagnostics.pages import HERE, ROOT, cases, rewritten

if TYPE_CHECKING:
    from pathlib import Path

# The folders of the compiler whose codes all have a page.
AREAS = ["spec", "output", ""]
PAGES = sorted(path for path in HERE.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page(path: Path, tmp_path: Path, update: bool, request: pytest.FixtureRequest) -> None:
    page = path.read_text("utf-8")
    if re.search(r"^\$ gen .*\blint$", page, re.MULTILINE):
        request.getfixturevalue("tools")
    outputs = [case.run(tmp_path / str(number)) for number, case in enumerate(cases(page))]
    if update:
        page = rewritten(page, outputs)
        path.write_text(page, "utf-8")
    assert [case.expected for case in cases(page)] == outputs
    assert page.startswith(f"# {path.stem}\n")
    assert f"[{path.stem}]" in "".join(outputs), "the page never shows its own code"


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert sorted(CODES) == [path.stem for path in PAGES]


def test_every_code_is_of_one_shape() -> None:
    assert [code for code in CODES if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)] == []


def test_every_code_in_the_source_is_listed() -> None:
    """A code that is made in one of the areas is in the table, and nothing else is."""
    folders = [*(ROOT / "compiler" / area for area in AREAS), ROOT / "genlint"]
    source = "\n".join(path.read_text("utf-8") for folder in folders for path in sorted(folder.rglob("*.py")))
    made = re.findall(r'\bDiagnostic\(\s*"([a-z0-9-]+)"', source)
    assert sorted(set(made) - CODES.keys()) == []
    assert [code for code in CODES if f'"{code}"' not in source] == []
