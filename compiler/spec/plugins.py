"""pydantic without its plugins, and without the look for them, whose imports alone are a thirtieth of gen's time."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_LOADER = "pydantic.plugin._loader"


class _NoPlugins(ModuleType):
    """Stands for pydantic's module that finds plugins; what else is wanted of it, that module gives."""

    @staticmethod
    def get_plugins() -> tuple[()]:
        """Return the plugins that pydantic asks when it builds a model."""
        return ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import machinery asks what kind of module this is
            raise AttributeError(name)
        sys.modules.pop(_LOADER, None)
        return getattr(import_module(_LOADER), name)


def switch_off() -> None:
    """Let no plugin that happens to be installed change what we accept, or how fast we are.

    It has to be called before the first model is built.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # should pydantic look elsewhere
    sys.modules.setdefault(_LOADER, _NoPlugins(_LOADER))
