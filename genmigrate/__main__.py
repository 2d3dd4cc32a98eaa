"""Turns a command line into an exit code."""

import gc
import os
import signal
import sys

if __name__ == "__main__":
    try:
        # Until the driver or the worker has taken over its signals, nothing has begun that would have to be ended.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(10))
        gc.disable()  # what is imported stays; enabled again before any work
        from genmigrate.cli import main

        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
