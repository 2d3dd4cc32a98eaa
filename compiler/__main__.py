"""`gen`, and `python -m compiler`, as a process: the command line, and the end."""

import gc
import os
import sys
from contextlib import suppress

from compiler.cli import main


def run() -> int:
    """Run `gen` and return its exit code; the two commands of every day end the process here.

    To take the interpreter apart, object by object, is a tenth of their time, and all that they made goes with the
    process. A profiler that reports when the interpreter ends is shown `compiler.cli.main` instead.
    """
    is_daily = sys.argv[1:] in ([], ["--check"])
    if is_daily:
        gc.disable()  # see `compiler.cli`; what looks for cycles once it is over, looks through all that was made
    code = main()
    if is_daily:
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):  # closed, or not there at all
                stream.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(run())
