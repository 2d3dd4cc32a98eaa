"""Turns a compiled plan.json into migrated schemas, with nothing but the standard library and the service's own Python.

`python3 -m genmigrate` is run from folders that are read-only, mounted, or owned by a generator, so no byte
code may appear beside it. Python writes the byte code of this very file before its first line runs; that one
copy is taken away again here.
"""

import sys
from contextlib import suppress
from pathlib import Path

CALLER_WRITES_NO_BYTECODE = sys.dont_write_bytecode
if sys.argv[:1] == ["-m"]:  # what runpy leaves in argv while it imports the package
    sys.dont_write_bytecode = True
    if not CALLER_WRITES_NO_BYTECODE and __spec__.cached:
        with suppress(
            OSError
        ):  # read-only, shared with another start, or never written: nothing of ours is left
            Path(__spec__.cached).unlink()
            Path(__spec__.cached).parent.rmdir()
