"""Where each tool lies, and which version it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from compiler.diagnostics.model import Diagnostic


@dataclass(frozen=True, slots=True)
class Tools:
    """Every program by its name, with the version that is locked (Go) or installed (Python)."""

    programs: Mapping[str, Path]
    versions: Mapping[str, str]


class ToolError(Exception):
    """A tool is missing or did not do its work; `diagnostic` says which, and the way out."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
