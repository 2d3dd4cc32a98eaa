"""The folder `environments/` into the texts of its files, read in a bounded way."""

from __future__ import annotations

import os
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.spec.kinds import IDENTIFIER
from compiler.spec.shown import printable, shown

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "environments"
PLATFORM = f"{FOLDER}/platform.yaml"
# environments/<name>.images.yaml: the digests of an environment's images, one line per service.
PINS_SUFFIX = ".images"
MAX_BYTES = 1 << 20


def spec_files(root: Path) -> tuple[list[str], list[Diagnostic]]:
    """Return the environment files and the files of digests under `root`, sorted, and what is wrong with their names.

    Hidden files and files that are no YAML are left alone.
    """
    try:
        paths = sorted((root / FOLDER).iterdir())
    except OSError as error:
        return [], [_no_environments(f"found no folder {FOLDER}/ that can be read ({_why(error)})")]
    files, faults = [], []
    for path in paths:
        name, stem, extension = path.name, path.stem, path.suffix
        file = f"{FOLDER}/{name}"
        if name.startswith(".") or extension.casefold() not in {".yaml", ".yml"} or file == PLATFORM:
            continue
        if extension != ".yaml":
            faults.append(
                Diagnostic(
                    "file-name",
                    f"found {shown(name)}, which does not end in .yaml",
                    _whole(printable(file)),
                    help=f'rename it to "{stem}.yaml"',
                )
            )
        elif wrong := IDENTIFIER.fault(stem.removesuffix(PINS_SUFFIX)):
            faults.append(
                Diagnostic(
                    "file-name",
                    f"found {shown(name)}, which is not named after an environment",
                    _whole(printable(file)),
                    help=wrong[2],
                )
            )
        else:
            files.append(file)
    if not faults and not any(map(environment_of, files)):
        faults.append(_no_environments(f"found no environment in {FOLDER}/"))
    return files, faults


def environment_of(file: str) -> str | None:
    """Return the environment that `file` is the spec of; nothing for a file of digests and for platform.yaml."""
    stem = PurePosixPath(file).stem
    return None if file == PLATFORM or stem.endswith(PINS_SUFFIX) else stem


def pins_file(environment: str) -> str:
    """Return the file that holds the digests of an environment's images."""
    return f"{FOLDER}/{environment}{PINS_SUFFIX}.yaml"


def read(root: Path, file: str) -> tuple[str | None, list[Diagnostic]]:
    """Return the text of `file`, at most 1 MiB of UTF-8 in a regular file inside `root`."""
    try:
        data = read_bytes(root, file)
    except OSError as error:
        if file == PLATFORM and isinstance(error, FileNotFoundError):
            if not (root / FOLDER).is_dir():
                return None, []
            return None, [
                Diagnostic(
                    "no-platform",
                    f"found no {PLATFORM}",
                    _whole(printable(file)),
                    help=f"write {PLATFORM}, or start with `gen init`",
                )
            ]
        return None, [
            Diagnostic(
                "unreadable-file",
                f"found a file that cannot be read ({_why(error)})",
                _whole(file),
                help="make it a readable file of this repository",
            )
        ]
    if len(data) > MAX_BYTES:
        return None, [
            Diagnostic(
                "too-large",
                "found a file of more than 1 MiB",
                _whole(file),
                help="remove what does not belong there",
            )
        ]
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = len(data[data.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8")) + 1
        return None, [
            Diagnostic(
                "not-utf8",
                f"found the byte 0x{data[error.start]:02X}, which is not UTF-8 there",
                Place(file, line, column),
                help="save the file as UTF-8",
            )
        ]


def read_bytes(root: Path, file: str, limit: int = MAX_BYTES) -> bytes:
    """Return the bytes of a regular file inside `root`, one more than `limit` where there are more. Raises OSError."""
    inside = os.path.realpath(root)
    path = os.path.realpath(root / file)
    if os.path.commonpath([inside, path]) != inside:
        raise OSError(0, "a link to a file outside the repository")
    # Not blocking: opening a FIFO would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        return stream.read(limit + 1)


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _whole(file: str) -> Place:
    return Place(file, 0, 0)


def _no_environments(message: str) -> Diagnostic:
    return Diagnostic(
        "no-environments",
        message,
        _whole(FOLDER),
        help=f"write {FOLDER}/<name>.yaml for each environment, or start with `gen init`",
    )
