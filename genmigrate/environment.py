"""Turns the caller's environment and .env files into the environment of a service's worker."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What leads another interpreter astray when it is inherited from the one that runs the driver.
CONTAMINATION = (
    "VIRTUAL_ENV",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONEXECUTABLE",
    "__PYVENV_LAUNCHER__",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_WORKING_DIR",
    "UV_WORKING_DIRECTORY",
    "ALEMBIC_SCHEMA",
    "ALEMBIC_CONFIG",
)
EXPORT = re.compile(r"^export\s+")


def parse_dotenv(text: str) -> dict[str, str]:
    """KEY=value lines with quotes, `#` comments and `export `."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        line = EXPORT.sub("", line.strip())
        key, equals, value = line.partition("=")
        key = key.strip()
        if not equals or not key or key.startswith("#"):
            continue
        values[key] = _value(value.strip())
    return values


def _value(raw: str) -> str:
    if raw[:1] in ("'", '"'):
        end = raw.find(raw[0], 1)
        return raw[1:end] if end > 0 else raw[1:]
    return "" if raw.startswith("#") else raw.split(" #", 1)[0].split("\t#", 1)[0].rstrip()


def with_dotenv(environ: Mapping[str, str], service_folder: Path, root: Path) -> dict[str, str]:
    """`environ`, what is unset or blank filled from the nearest .env file up to root."""
    filled = dict(environ)
    folder = service_folder
    while True:
        file = folder / ".env"
        if file.is_file():
            for key, value in parse_dotenv(file.read_text(encoding="utf-8-sig", errors="replace")).items():
                if value and not filled.get(key):
                    filled[key] = value
        if folder == root or root not in folder.parents:
            return filled
        folder = folder.parent


def for_worker(environ: Mapping[str, str], package: Path) -> dict[str, str]:
    """The environment in which a service's Python finds the runner, and nothing else of the caller's Python."""
    clean = {key: value for key, value in environ.items() if key not in CONTAMINATION}
    virtual_env = environ.get("VIRTUAL_ENV")
    if virtual_env:
        clean.pop("VIRTUAL_ENV_PROMPT", None)
    clean["PYTHONPATH"] = str(package.parent)
    clean["PYTHONSAFEPATH"] = "1"
    return clean


def leave_no_trace(package: Path) -> None:
    """In the worker: forget how it was started, so that a service's code sees its own world."""
    here = str(package.parent)
    cwd = str(Path.cwd())
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in inherited if entry and os.path.realpath(entry) != os.path.realpath(here)]
    if kept:
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)
    else:
        os.environ.pop("PYTHONPATH", None)
    os.environ.pop("PYTHONSAFEPATH", None)
    unwanted = {os.path.realpath(here)}
    if sys.path and os.path.realpath(sys.path[0] or cwd) == os.path.realpath(cwd):
        del sys.path[0]  # `-m` puts the working directory first; the `alembic` program does not
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or cwd) not in unwanted]
