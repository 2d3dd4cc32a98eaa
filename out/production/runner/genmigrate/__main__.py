"""Turns a command line into an exit code."""

import sys

from genmigrate.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
