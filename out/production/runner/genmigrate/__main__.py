"""Turns a command line into an exit code."""
import gc
import os
import signal
import sys
if __name__ == "__main__":
 try:
  signal.signal(signal.SIGTERM, lambda *_: os._exit(10))
  gc.disable()
  from genmigrate.cli import main
  sys.exit(main(sys.argv[1:]))
 except KeyboardInterrupt:
  sys.exit(130)
