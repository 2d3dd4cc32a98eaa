"""Turns a process in which one schema's env.py ran into one in which the next finds nothing of it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

CACHED = type(lru_cache(len))
SCHEMA_VARIABLE = "ALEMBIC_SCHEMA"


@contextmanager
def in_schema(schema: str) -> Iterator[None]:
    path, folder, variables = list(sys.path), Path.cwd(), dict(os.environ)
    variables.pop(SCHEMA_VARIABLE, None)
    before = set(sys.modules)
    os.environ[SCHEMA_VARIABLE] = schema
    try:
        yield
    finally:
        os.chdir(folder)
        for key in [key for key in os.environ if key not in variables]:
            del os.environ[key]
        os.environ.update(variables)
        sys.path[:] = path
        _forget(schema, folder, before)


def _forget(schema: str, folder: Path, before: set[str]) -> None:
    for name in sys.modules.keys() - _verdicts.keys():
        _verdicts[name] = _belongs(sys.modules[name], folder)
    own = {name: module for name, module in list(sys.modules.items()) if _verdicts.get(name)}
    for module in own.values():
        for value in list(vars(module).values()):
            if type(value) is CACHED:
                value.cache_clear()
    if any(_keeps(vars(module), schema) for module in own.values()):
        shared = {
            _top(name) for name, module in list(sys.modules.items()) if name not in before and _holds(module)
        }
        for name in list(sys.modules):
            if name in own or (name not in before and _top(name) in shared):
                del sys.modules[name]


_verdicts: dict[str, bool] = {}


def _top(name: str) -> str:
    return name.partition(".")[0]


def _belongs(module: ModuleType, folder: Path) -> bool:
    place = getattr(module, "__file__", None)
    if not isinstance(place, str):
        return False
    file = Path(place)
    installed = "site-packages" in file.parts or Path(sys.prefix) in file.parents
    return folder in file.parents and not installed


def _keeps(names: dict[str, Any], schema: str) -> bool:
    for key, value in list(names.items()):
        if key.startswith("__") or type(value) is type(sys):
            continue
        with suppress(Exception):
            inside = value if isinstance(value, dict) else getattr(value, "__dict__", None) or {}
            if any(isinstance(text, str) and schema in text for text in (value, *list(inside.values()))):
                return True
    return False


def _holds(module: ModuleType) -> bool:
    kind = getattr(sys.modules.get("sqlalchemy"), "MetaData", ())
    if _top(module.__name__) in ("sqlalchemy", "alembic"):
        return False
    return any(
        isinstance(vars(value).get("metadata") if isinstance(value, type) else value, kind)
        for value in list(vars(module).values())
    )
