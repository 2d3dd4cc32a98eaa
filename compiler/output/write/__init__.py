"""A comparison into files on disk, all or nothing; nothing outside this package writes."""

from __future__ import annotations

from compiler.output.write.lock import lock
from compiler.output.write.low import ChangedError, WriteError
from compiler.output.write.transaction import Written, write

__all__ = ["ChangedError", "WriteError", "Written", "lock", "write"]
