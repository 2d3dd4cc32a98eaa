"""Bytes into the hash that stands for them, and back: many of them wait in a file without a name, not in memory."""

from __future__ import annotations

import weakref
from dataclasses import field
from typing import IO, TypeAlias

from compiler.frozen import dataclass
from compiler.output.record import digest

# So many bytes stay in memory.
MEMORY = 4 << 20
_Place: TypeAlias = "bytes | tuple[int, int]"


@dataclass(frozen=True, slots=True)
class Kept:
    """Some bytes, known by their hash: those of one hash are equal. Without a store nobody needs them again."""

    digest: str
    store: Store | None = field(default=None, compare=False, repr=False)

    def read(self) -> bytes:
        """The bytes themselves. Raises ValueError where only their hash was kept."""
        if self.store is None:
            raise ValueError(f"nothing but the hash {self.digest} was kept")
        return self.store.read(self.digest)


class Store:
    """Keeps bytes, each text once, until the last that stand for them are gone; the file has no name and goes along."""

    def __init__(self) -> None:
        """Begin with nothing, and in memory."""
        self._places: dict[str, _Place] = {}
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._may_spill = True

    def keep(self, data: bytes) -> Kept:
        """Keep `data`."""
        name = digest(data)
        if name not in self._places:
            self._places[name] = data
            self._in_memory += len(data)
            if self._in_memory > MEMORY and self._may_spill:
                # A machine without room for files that have no name has it in memory.
                try:
                    self._spill()
                except OSError:
                    self._may_spill = False
        return Kept(name, self)

    def read(self, name: str) -> bytes:
        """Return the bytes with the hash `name`. Raises OSError where the file does not give them back."""
        place = self._places[name]
        if isinstance(place, bytes):
            return place
        assert self._file is not None
        start, length = place
        self._file.seek(start)
        data = self._file.read(length)
        if digest(data) != name:
            raise OSError("what was kept in a temporary file is not what was put there")
        return data

    def _spill(self) -> None:
        """Move what is in memory into the file, one after the other; what does not fit stays."""
        if self._file is None:
            # Few projects are so large.
            import tempfile

            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (closed when the store is gone)
            weakref.finalize(self, self._file.close)
        for name, data in self._places.items():
            if isinstance(data, bytes):
                self._places[name] = _append(self._file, data)
                self._in_memory -= len(data)


def _append(file: IO[bytes], data: bytes) -> tuple[int, int]:
    start = file.seek(0, 2)
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    return start, len(data)
