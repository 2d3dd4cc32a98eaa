"""A service's Alembic configuration into the folders in which its revisions lie."""

from __future__ import annotations

import os
import re
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.frozen import dataclass
from compiler.spec.files import read
from compiler.spec.shown import listed, shown

if TYPE_CHECKING:
    from compiler.revisions.model import Service

_SECTION = "alembic"
_SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}
# How Alembic splits the locations where no separator is written.
_UNSEPARATED = re.compile(r", *|(?: +)")
_EXAMPLE = "script_location = %(here)s/migrations"


@dataclass(frozen=True, slots=True)
class Location:
    """A folder of revisions below the project's root (`.` for the root itself), with or without its subfolders."""

    folder: str
    recursive: bool


def locations(root: Path, service: Service) -> tuple[list[Location], list[Diagnostic]]:
    """Return where the revisions of `service` lie; a `versions` folder that is not there yet is no location."""
    file = f"{service.folder}/{service.config}"
    if not (root / file).exists():
        return [], [
            Diagnostic(
                "no-alembic-config",
                f"found no {file}, which the migrations of {shown(service.name)} need",
                service.place,
                help="write the service's Alembic configuration, or name it with migrations.config",
            )
        ]
    text, faults = read(root, file)
    if text is None:
        return [], faults
    reader = _Reader(root, service, file, text.removeprefix("\ufeff").replace("\r\n", "\n"))
    try:
        return reader.locations(), reader.faults
    except _RefusedError:
        return [], reader.faults


class _RefusedError(Exception):
    """Without this value there are no locations: the fault is already noted."""


class _Reader:
    """Reads the options of one configuration as Alembic does, and notes what it would refuse."""

    def __init__(self, root: Path, service: Service, file: str, text: str) -> None:
        self.root, self.service, self.file = Path(os.path.realpath(root)), service, file
        self.lines = text.split("\n")
        # Alembic puts the absolute folder here; relative to the service's it is the same, on any machine.
        self.parser = ConfigParser({"here": PurePosixPath("./" + service.config).parent.as_posix()})
        self.text = text
        self.faults: list[Diagnostic] = []

    def locations(self) -> list[Location]:
        try:
            self.parser.read_string(self.text, self.file)
        except ConfigError as error:
            raise self.refused("broken-alembic-config", self.syntax(error), self.line_of(error)) from None
        script = self.option("script_location")
        if not script:
            message = f"found no script_location in the section [{_SECTION}]"
            raise self.refused("broken-alembic-config", message, Place(self.file, 0, 0), f"add {_EXAMPLE}")
        recursive = self.recursive()
        home = self.folder("script_location", script)
        several = self.option("version_locations")
        if not several:
            versions = "versions" if home == "." else f"{home}/versions"
            return [Location(versions, recursive)] if (self.root / versions).is_dir() else []
        places = [place.strip() for place in self.split("version_locations", several)]
        folders = [self.folder("version_locations", place) for place in places if place]
        return [Location(folder, recursive) for folder in dict.fromkeys(folders)]

    def option(self, name: str) -> str:
        """Return the value of an option, nothing where it is not written."""
        try:
            return self.parser.get(_SECTION, name, fallback="")
        except ConfigError as error:
            message = f"found {name}, which cannot be read: {str(error).splitlines()[0]}"
            raise self.refused("broken-alembic-config", message, self.place(name), "write %% for %") from None

    def recursive(self) -> bool:
        name = "recursive_version_locations"
        written = self.option(name)
        if written not in ("", "true", "false"):
            message = f"found {shown(written)} for {name}, which Alembic takes for false"
            self.fault("broken-alembic-config", message, self.place(name), "write true or false")
        return written == "true"

    def split(self, name: str, text: str) -> list[str]:
        """Split the paths of an option by the separator that the configuration names."""
        key = "path_separator"
        separator = self.option(key)
        if not separator and name == "version_locations":
            key = "version_path_separator"
            separator = self.option(key)
        if not separator:
            return _UNSEPARATED.split(text)
        if separator not in _SEPARATORS:
            message = f"found {shown(separator)} for {key}"
            way_out = f"write {listed(list(_SEPARATORS), 'or')}"
            raise self.refused("broken-alembic-config", message, self.place(key), way_out)
        return text.split(_SEPARATORS[separator])

    def folder(self, name: str, location: str) -> str:
        """Return a location, a path as Alembic reads it or `package:folder`, relative to the root."""
        base = self.root / self.service.folder
        candidates = [base / location]
        if not Path(location).is_absolute() and ":" in location:
            package, *rest = location.split(":")
            candidates = [Path(base, entry, *package.split("."), *rest) for entry in self.import_path()]
        real = next((os.path.realpath(path) for path in candidates if path.is_dir()), None)
        if real is None:
            message = f"found {shown(location)}, which is no folder"
            way_out = f"write a path from the service's folder or from this file's, such as {_EXAMPLE}"
            raise self.refused("no-revision-folder", message, self.place(name), way_out)
        if os.path.commonpath([self.root, real]) != str(self.root):
            message = f"found {shown(location)}, which leads out of the repository"
            way_out = "keep the revisions in the service's folder, which its image holds"
            raise self.refused("outside-repository", message, self.place(name), way_out)
        return Path(real).relative_to(self.root).as_posix()

    def import_path(self) -> list[str]:
        written = self.option("prepend_sys_path")
        return ["", *(self.split("prepend_sys_path", written) if written else [])]

    def place(self, name: str) -> Place:
        """Return where the value of an option of the section is written."""
        inside = False
        for number, line in enumerate(self.lines, 1):
            if header := re.match(r"\[([^\]]+)\]", line):
                inside = header[1] == _SECTION
            found = re.match(rf"{re.escape(name)}\s*[=:]\s*", line, re.IGNORECASE) if inside else None
            if found:
                value = line[found.end() :].rstrip()
                return Place(self.file, number, found.end() + 1, max(1, len(value)))
        return Place(self.file, 0, 0)

    def line_of(self, error: ConfigError) -> Place:
        number: int = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [])), (0,))[0]
        length = len(self.lines[number - 1]) if 0 < number <= len(self.lines) else 0
        return Place(self.file, number, 1, max(1, length)) if number else Place(self.file, 0, 0)

    @staticmethod
    def syntax(error: ConfigError) -> str:
        kind = type(error).__name__.removesuffix("Error")
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
        return f"found text that is no configuration: {words}"

    def refused(
        self, code: str, message: str, place: Place, way_out: str = "correct this line"
    ) -> _RefusedError:
        self.fault(code, message, place, way_out)
        return _RefusedError()

    def fault(self, code: str, message: str, place: Place, way_out: str) -> None:
        self.faults.append(Diagnostic(code, message, place, help=way_out))
