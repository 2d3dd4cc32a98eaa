"""The build of the wheel compiles the templates and strips the runner, so that no run has to; see `precompiled.py`."""

from __future__ import annotations

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PrecompileTemplates(BuildHookInterface):  # type: ignore[type-arg]
    """Writes the modules beside the templates, from where they are packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Do it for a wheel that is packed; in a checkout `make` does."""
        if version != "editable":
            sys.path.insert(0, self.root)
            from compiler.emit.bare import precompile

            precompile()
