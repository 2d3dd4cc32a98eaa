"""A template into a Python module, made by `make` and by the build of the wheel, and found by its content.

To compile the templates takes Jinja longer than `gen` needs for all else. A module is named by the hash of all that it
was made from: one that does not fit, or is missing, is never used, and Jinja compiles the template as ever.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    from collections.abc import Mapping

# Beside the templates: inside the wheel, or in a checkout, where git does not see it.
FOLDER = ".compiled"


def find(templates: Path, target: str, source: str) -> dict[str, Any] | None:
    """Return what Jinja made of a template, nothing if it was not made before."""
    name = module_name(target, source)
    file = str(templates / FOLDER / f"{name}.py")
    module = ModuleType(name)
    module.__file__ = file
    try:
        SourceFileLoader(name, file).exec_module(module)
    except FileNotFoundError:
        return None
    return vars(module)


def module_name(target: str, source: str) -> str:
    """Return the name of the module of a template, which changes with the template, its compiler and Jinja."""
    return "t" + hashlib.sha256(f"{_compiler()}\n{target}\n{source}".encode()).hexdigest()[:24]


def write(templates: Path, modules: Mapping[str, str]) -> None:
    """Write the code of all modules by their names, and remove those of templates that have changed."""
    folder = templates / FOLDER
    folder.mkdir(exist_ok=True)
    for name, code in modules.items():
        # Whoever runs meanwhile finds a module whole, or not at all.
        new = folder / f"{name}.{os.getpid()}.new"
        new.write_text(code, encoding="utf-8")
        new.replace(folder / f"{name}.py")
    for old in (*folder.glob("*.py"), *folder.glob("__pycache__/*")):
        if old.name.partition(".")[0] not in modules:
            old.unlink()


@cache
def _compiler() -> str:
    ours = Path(__file__).with_name("template.py").read_bytes()
    return f"{jinja2.__version__} {hashlib.sha256(ours).hexdigest()}"
