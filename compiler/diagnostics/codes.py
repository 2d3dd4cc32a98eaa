"""Every code of a diagnostic, with what it says in one line; each has a page in tests/diagnostics/."""

from __future__ import annotations

CODES: dict[str, str] = {}
