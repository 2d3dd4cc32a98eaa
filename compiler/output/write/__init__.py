"""A comparison into files on disk, all or nothing; nothing outside this package writes."""

from __future__ import annotations

from compiler.output.write.low import ChangedError, WriteError
from compiler.output.write.plain import edited, write_files
from compiler.output.write.transaction import Written, write

__all__ = ["ChangedError", "WriteError", "Written", "edited", "write", "write_files"]
