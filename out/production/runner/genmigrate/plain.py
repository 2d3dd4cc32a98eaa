"""Turns a revision file into whether what it does can depend on anything but its text."""
from __future__ import annotations
import ast
import re
MODULES = """
__future__ collections dataclasses datetime decimal enum functools geoalchemy2 itertools json math pgvector re
sqlalchemy sqlalchemy_utils sqlmodel string textwrap typing uuid
"""
OPERATIONS = """
add_column alter_column bulk_insert create_check_constraint create_exclude_constraint create_foreign_key create_index
create_primary_key create_table create_table_comment create_unique_constraint drop_column drop_constraint drop_index
drop_table drop_table_comment execute f inline_literal rename_table
"""
NAMES = """
__builtins__ __import__ compile connect context create_engine delattr eval exec getattr globals inspect locals open
setattr vars
"""
STATEMENT = re.compile(
 r"\s*(?:CREATE\s+(?:UNIQUE\s+)?(?:TABLE|INDEX|VIEW|SEQUENCE|TYPE)|(?:ALTER|DROP)\s+(?:TABLE|INDEX|VIEW|SEQUENCE"
 r"|TYPE)|COMMENT\s+ON|INSERT\s+INTO|UPDATE|DELETE\s+FROM)\b(?![^;]*\b(?:set_config|pg_temp)\b)[^;]*;?\s*\Z",
 re.IGNORECASE,
)
ONCE = "count cycle DictReader enumerate filter get_bind get_table_names inspect iter map open reader reversed zip"
def is_plain(file):
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
def _is_op(node):
 return isinstance(node, ast.Name) and node.id == "op"
def _imported(node, names):
 if isinstance(node, ast.Import):
  yield from (each.name.partition(".")[0] for each in node.names)
 elif isinstance(node, ast.ImportFrom):
  taken = [(each.name, each.asname) for each in node.names]
  if (node.module, taken) != ("alembic", [("op", None)]):
   yield (node.module or ".").partition(".")[0]
  yield from ("?" for name, _ in taken if name in names)
def keeps_nothing(tree):
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
