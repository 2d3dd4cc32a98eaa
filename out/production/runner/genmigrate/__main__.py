"""Turns a command line into an exit code."""

import sys

if __name__ == "__main__":
    try:
        from genmigrate.cli import main

        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # before the driver has taken over its signals
        sys.exit(130)
