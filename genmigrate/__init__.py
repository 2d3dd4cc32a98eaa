"""Turns a compiled plan.json into migrated schemas, with nothing but the standard library and the service's own Python.

`python3 -m genmigrate` is run from folders that are read-only, mounted, or owned by a generator, so no byte code may
appear beside it: it goes to the user's cache. Python writes the byte code of this very file before its first line
runs; that one copy is taken away again here.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

THEIRS = sys.dont_write_bytecode, sys.pycache_prefix
_home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME") or ""
OURS = (sys.dont_write_bytecode or not _home, f"{_home}/.cache/genmigrate" if _home else None)


def keep_bytecode(whose: "tuple[bool, str | None]") -> None:
    """Byte code of what is imported from now on goes where `OURS` or a service's `THEIRS` say."""
    sys.dont_write_bytecode, sys.pycache_prefix = whose


if sys.argv[:1] == ["-m"]:  # what runpy leaves in argv while it imports the package
    keep_bytecode(OURS)
    if not THEIRS[0] and __spec__.cached and not THEIRS[1]:
        with suppress(
            OSError
        ):  # read-only, shared with another start, or never written: nothing of ours is left
            Path(__spec__.cached).unlink()
            Path(__spec__.cached).parent.rmdir()
