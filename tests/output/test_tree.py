"""What no emitter may ask for, and what a diff looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compiler.emit.file import OutputFile, Text
from compiler.output.compare import compare
from compiler.output.diff import unified
from compiler.output.tree import collect
from tests.output.project import EMITTERS, gen, outputs, the_change

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "path",
    [
        "out/local/../../etc/passwd",
        "/etc/passwd",
        "out//local/a",
        "out/local/.git/config",
        "out/local/con.txt",
        "out/local/a\n",
        "out/local/-rf",
        "out/local/a.",
        "out\\local",
        ".gen/journal.json",
        "out/staging/plan.json",
        "unsealed.txt",
    ],
)
def test_a_path_that_is_none_to_write_to_is_our_bug(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match=r"path|folder|seal"):
        collect([OutputFile(path, "local", Text(""))], tmp_path)


@pytest.mark.parametrize(
    "pair",
    [
        ("out/a/plan.json", "out/a/plan.json"),
        ("out/a/X", "out/a/x"),
        ("out/a/x", "out/a/x/y"),
        ("out/a/.gen.json",),
    ],
)
def test_two_outputs_in_one_place_are_our_bug(tmp_path: Path, pair: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"out/a"):
        collect([OutputFile(path, "a", Text("")) for path in (*pair, "out/a/other")], tmp_path)


def test_an_output_that_no_pattern_knows_is_our_bug(tmp_path: Path) -> None:
    tree, _ = collect([OutputFile("out/local/surprise", "local", Text(""))], tmp_path)
    assert tree is not None
    with pytest.raises(ValueError, match="fits no pattern"):
        compare(tree, tmp_path, EMITTERS)


def test_a_diff_shows_control_characters_instead_of_sending_them(tmp_path: Path) -> None:
    gen(outputs(), tmp_path)
    (tmp_path / "out/local/README.md").write_bytes(b"\x1b[2J\xff \xe2\x80\xae\r\nno newline")
    text = unified(the_change(outputs(), tmp_path, "out/local/README.md"))
    assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)
    assert "-\\x1b[2J\\xff \\u202e\\r\n-no newline\n\\ No newline at end of file\n+# local\n" in text


def test_diffs_of_created_and_removed_files(tmp_path: Path) -> None:
    assert unified(the_change(outputs(), tmp_path, "out/local/README.md")) == (
        "--- /dev/null\n+++ b/out/local/README.md\n@@ -0,0 +1,3 @@\n+# local\n+\n+Version 1.\n"
    )
    gen(outputs(), tmp_path)
    change = the_change(outputs("1", ("local",)), tmp_path, "out/staging/README.md")
    assert unified(change).startswith(
        "--- a/out/staging/README.md\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-# staging\n"
    )
