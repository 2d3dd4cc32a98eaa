"""A written duration into milliseconds."""

from __future__ import annotations

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


def milliseconds(written: str) -> int:
    """Return how many milliseconds `written` (`250ms`, `3s`, `15m`, `1h`) stands for."""
    number = written.rstrip("hms")
    return int(number) * _UNITS[written[len(number) :]]
