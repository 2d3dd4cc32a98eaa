"""A module of the runner into what deployments carry of it: the same code, bare of what only people read.

Its docstrings, comments, empty lines and what only a type checker reads are gone, and a step of indentation is one
space: a cluster's files hold 262,144 bytes, and a plan of a thousand tenants needs its part of them. The first line of
the module's docstring stays, for who reads it there; all the rest is in the package `genmigrate`.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.emit import precompiled, template
from compiler.emit.template import templates_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

STEP, ONLY_TYPES = 4, "TYPE_CHECKING"


@cache
def bare(text: str) -> str:
    """Return the code of a module without what only people read; made beforehand where `make` or the wheel did."""
    made = templates_folder() / precompiled.FOLDER / f"{name_of(text)}.py"
    try:
        return made.read_text(encoding="utf-8")
    except FileNotFoundError:
        return strip(text)


def name_of(text: str) -> str:
    """Return the name under which a stripped module is kept, which changes with the module and with this one."""
    return "r" + hashlib.sha256(f"{_ours()}\n{text}".encode()).hexdigest()[:24]


def strip(text: str) -> str:
    """Take out what only people and type checkers read, and three of four spaces of each step of indentation."""
    written = text.splitlines()
    lines: list[str | None] = list(written)
    inside: set[int] = set()  # rows that begin in the middle of a string
    opened: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = written[row - 1][:column].rstrip() or None
        elif token.type == tokenize.STRING:
            inside.update(range(token.start[0], token.end[0]))
        elif tokenize.tok_name[token.type] == "FSTRING_START":  # since Python 3.12; a STRING before
            opened.append(token.start[0])
        elif tokenize.tok_name[token.type] == "FSTRING_END":
            inside.update(range(opened.pop(), token.end[0]))
    tree = ast.parse(text)
    for row, begin, end in sorted(_annotations(tree, written), reverse=True):
        line = (lines[row] or "").encode()  # the parser counts bytes
        lines[row] = (line[:begin] + line[end:]).decode()
    for statement in tree.body:
        _take_types(statement, lines)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            _take_docstring(node, lines)
    kept = ((number, line) for number, line in enumerate(lines) if line or (line == "" and number in inside))
    return "".join(f"{line if number in inside else _outdented(line)}\n" for number, line in kept)


def _annotations(tree: ast.Module, written: list[str]) -> Iterator[tuple[int, int, int]]:
    """Where functions say types, as row and columns; those of a class's fields make a dataclass."""
    fields = {id(each) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for each in node.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            annotation, begin = node.annotation, node.col_offset + len(node.arg.encode())
        elif isinstance(node, ast.FunctionDef) and node.returns:
            row = written[node.returns.lineno - 1].encode()
            annotation, begin = node.returns, row.rindex(b")", 0, node.returns.col_offset) + 1
        elif isinstance(node, ast.AnnAssign) and node.value and id(node) not in fields:
            annotation, begin = node.annotation, node.target.end_col_offset or 0
        else:
            continue
        if annotation and annotation.lineno == annotation.end_lineno:
            yield annotation.lineno - 1, begin, annotation.end_col_offset or begin


def _take_types(statement: ast.stmt, lines: list[str | None]) -> None:
    """Take out what only a type checker reads: annotations are not evaluated in these modules."""
    begin, end = statement.lineno - 1, statement.end_lineno or statement.lineno
    if (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Name)
        and statement.test.id == ONLY_TYPES
    ):
        lines[begin:end] = [None] * (end - begin)
    elif isinstance(statement, ast.ImportFrom) and statement.module == "typing":
        others = [name.name for name in statement.names if name.name != ONLY_TYPES]
        made = f"from typing import {', '.join(others)}" if others else None
        lines[begin:end] = [made, *[None] * (end - begin - 1)]


def _outdented(line: str) -> str:
    code = line.lstrip(" ")
    deep, rest = divmod(len(line) - len(code), STEP)
    return " " * (deep + rest) + code


def _take_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str | None]
) -> None:
    first = node.body[0] if node.body else None
    if not isinstance(first, ast.Expr) or ast.get_docstring(node, clean=False) is None:
        return
    begin, end = first.lineno - 1, first.end_lineno or first.lineno
    if isinstance(node, ast.Module):
        summary = str(ast.get_docstring(node)).splitlines()[0]
        lines[begin:end] = [f'"""{summary}"""', *[None] * (end - begin - 1)]
    elif len(node.body) > 1:  # else it is all there is
        end += lines[end] == ""
        lines[begin:end] = [None] * (end - begin)


@cache
def _ours() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def precompile() -> None:
    """Write what every template and every module of the runner becomes, so that no run has to make it."""
    modules = {name_of(text): strip(text) for _name, text in sources()}
    precompiled.write(templates_folder(), {**template.compiled(), **modules})


@cache
def sources() -> tuple[tuple[str, str], ...]:
    """Return name and text of each module of the runner, which is found but never imported."""
    package = find_spec("genmigrate")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the package genmigrate is missing from this installation")
    found = sorted(Path(package.origin).parent.glob("*.py"))
    return tuple((path.name, path.read_text(encoding="utf-8")) for path in found)
