"""What deployments carry of the runner is its code, without what only people read."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.emit.bare import sources, strip
from compiler.emit.migrations import REPOSITORY_ONLY, runner_sources

GIVEN = '''"""Turns one into two.

More about it.
"""

import os  # for the name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: How many.
MANY = 2  # not three


class OnlyWordsError(Exception):
    """Nothing but a docstring."""


class Fields:
    one: int = 1


def two(name: str = "# no comment", *more: int, ä: dict[str, int] | None = None) -> str:
    """Return it twice.

    Raises nothing.
    """
    kept: list[str] = []
    later: int

    # Because.
    text = """
    # nor is this

    a blank line above:

    """
    if MANY:
        text += f"""
        {name} as it was
        """
    return (name + text) * MANY  # as promised
'''
WANTED = '''"""Turns one into two."""
import os
from typing import Any
MANY = 2
class OnlyWordsError(Exception):
 """Nothing but a docstring."""
class Fields:
 one: int = 1
def two(name = "# no comment", *more, ä = None):
 kept = []
 later: int
 text = """
    # nor is this

    a blank line above:

    """
 if MANY:
  text += f"""
        {name} as it was
        """
 return (name + text) * MANY
'''


class Untyped(ast.NodeTransformer):
    """Takes the types out of functions, and leaves a class its fields."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.body = [each if isinstance(each, ast.AnnAssign) else self.visit(each) for each in node.body]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        return ast.copy_location(ast.Assign([node.target], node.value), node) if node.value else node


def test_what_is_left_of_a_module() -> None:
    assert strip(GIVEN) == WANTED


@pytest.mark.parametrize("name", [name for name, _text in sources()])
def test_the_code_is_the_same(name: str) -> None:
    def code(text: str) -> str:
        tree = ast.parse(text)
        tree.body = [node for node in tree.body if ast.unparse(node).splitlines()[0] != "if TYPE_CHECKING:"]
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "typing":
                node.names = [name for name in node.names if name.name != "TYPE_CHECKING"]
        tree.body = [node for node in tree.body if getattr(node, "names", None) != []]
        Untyped().visit(tree)
        for node in ast.walk(tree):
            documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
                node
            )
            if documented and len(node.body) > 1:
                del node.body[0]
        return ast.dump(tree)

    text = dict(sources())[name]
    assert code(strip(text)) == code(text)


def test_a_cluster_s_copy_is_whole(tmp_path: Path) -> None:
    """Each command that a chart calls is loaded from it, and no module of it imports one that is left out."""
    for name, text in runner_sources(deployed=True):
        (tmp_path / "genmigrate").mkdir(exist_ok=True)
        (tmp_path / "genmigrate" / name).write_text(text, encoding="utf-8")
    left_out = {name.removesuffix(".py") for name in REPOSITORY_ONLY}
    names = sorted(path.stem for path in (tmp_path / "genmigrate").glob("*.py") if path.stem != "__main__")
    assert not left_out & set(names)
    code = f"from importlib import import_module\nfor name in {names}: import_module('genmigrate.' + name)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
