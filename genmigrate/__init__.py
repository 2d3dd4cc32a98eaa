"""Turns a compiled plan.json into migrated schemas, with nothing but the standard library and the service's own Python.

`python3 -m genmigrate` is run from folders that are read-only, mounted, or owned by a generator, so no byte code may
appear beside it: it goes to the user's cache. Python writes the byte code of this very file before its first line
runs; that one copy is taken away again here.
"""

import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

_home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME") or ""


class _Loader(SourceFileLoader):
    """Reads and writes byte code in the cache, and nobody else's: that of all other modules is where it always is."""

    def get_code(self, fullname: str) -> "CodeType | None":
        theirs = sys.dont_write_bytecode, sys.pycache_prefix
        ours = f"{_home}/.cache/genmigrate" if _home else None
        sys.dont_write_bytecode, sys.pycache_prefix = theirs[0] or not _home, ours
        try:
            return super().get_code(fullname)
        finally:
            sys.dont_write_bytecode, sys.pycache_prefix = theirs


class _Finder:
    """Finds the modules of this package."""

    @staticmethod
    def find_spec(
        name: str, path: "Sequence[str] | None" = None, _target: object = None
    ) -> "ModuleSpec | None":
        spec = PathFinder.find_spec(name, path) if name.startswith(f"{__name__}.") else None
        if spec and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(name, spec.loader.path)
        return spec


if sys.argv[:1] == ["-m"]:  # what runpy leaves in argv while it imports the package
    sys.meta_path.insert(0, _Finder)
    if not sys.dont_write_bytecode and __spec__.cached and not sys.pycache_prefix:
        with suppress(
            OSError
        ):  # read-only, shared with another start, or never written: nothing of ours is left
            Path(__spec__.cached).unlink()
            Path(__spec__.cached).parent.rmdir()
