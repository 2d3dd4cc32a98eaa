"""Turns a revision file into whether what it does can depend on anything but its text."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULES = """
__future__ collections dataclasses datetime decimal enum functools geoalchemy2 itertools json math pgvector re
sqlalchemy sqlalchemy_utils sqlmodel string textwrap typing uuid
"""
#: Alembic's own operations that send what they were given.
OPERATIONS = """
add_column alter_column bulk_insert create_check_constraint create_exclude_constraint create_foreign_key create_index
create_primary_key create_table create_table_comment create_unique_constraint drop_column drop_constraint drop_index
drop_table drop_table_comment execute f inline_literal rename_table
"""
#: Who says such a name looks at its schema, at something outside of it, or at what ran before.
NAMES = """
__builtins__ __import__ compile connect context create_engine delattr eval exec getattr globals inspect locals open
setattr vars
"""
#: What may be sent again as it was: one statement, whose effect ends with its transaction or is in the schema.
STATEMENT = re.compile(
    r"\s*(?:CREATE\s+(?:UNIQUE\s+)?(?:TABLE|INDEX|VIEW|SEQUENCE|TYPE)|(?:ALTER|DROP)\s+(?:TABLE|INDEX|VIEW|SEQUENCE"
    r"|TYPE)|COMMENT\s+ON|INSERT\s+INTO|UPDATE|DELETE\s+FROM)\b(?![^;]*\b(?:set_config|pg_temp)\b)[^;]*;?\s*\Z",
    re.IGNORECASE,
)
#: Calls whose value is used up, or is an answer of a moment.
ONCE = "count cycle DictReader enumerate filter get_bind get_table_names inspect iter map open reader reversed zip"


def is_plain(file: Path) -> bool:
    """Whether what it sends depends on its text alone: nothing is read, caught, kept, or asked of others."""
    tree = ast.parse(file.read_bytes())
    names, modules, operations = (set(words.split()) for words in (NAMES, MODULES, OPERATIONS))
    asked = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_op(node.value) and node.attr in operations
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.Try, ast.Global, ast.Nonlocal)) or type(node).__name__ == "TryStar":
            return False
        if names & {getattr(node, "id", ""), getattr(node, "attr", "")}:
            return False
        if (_is_op(node) and id(node) not in asked) or not set(_imported(node, names)) <= modules:
            return False
    return keeps_nothing(tree)


def _is_op(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "op"


def _imported(node: ast.AST, names: set[str]) -> Iterator[str]:
    """The packages that a node imports; a strange one for a name that may not be had."""
    if isinstance(node, ast.Import):
        yield from (each.name.partition(".")[0] for each in node.names)
    elif isinstance(node, ast.ImportFrom):
        taken = [(each.name, each.asname) for each in node.names]
        if (node.module, taken) != ("alembic", [("op", None)]):
            yield (node.module or ".").partition(".")[0]
        yield from ("?" for name, _ in taken if name in names)


def keeps_nothing(tree: ast.Module) -> bool:
    """Whether its globals are the same for each schema: nothing among them is used up, cached or changed."""
    once = set(ONCE.split())
    for statement in tree.body:
        if isinstance(
            statement, (ast.FunctionDef, ast.Import, ast.ImportFrom, ast.Expr, ast.Assign, ast.AnnAssign)
        ):
            inside = [] if isinstance(statement, ast.FunctionDef) else list(ast.walk(statement))
            used_up = any(
                isinstance(node, ast.GeneratorExp)
                or (
                    isinstance(node, ast.Call)
                    and {getattr(node.func, "id", ""), getattr(node.func, "attr", "")} & once
                )
                for node in inside
            )
            if used_up or (isinstance(statement, ast.FunctionDef) and statement.decorator_list):
                return False
        else:
            return False
    return not any(isinstance(node, ast.Global) for node in ast.walk(tree))
