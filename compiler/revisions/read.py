"""A service's revision files into its history: parsed, never run."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import re
import tokenize
import warnings
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.revisions.configuration import locations
from compiler.revisions.model import History, Mention, Revision
from compiler.spec.files import read_bytes
from compiler.spec.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.revisions.configuration import Location
    from compiler.revisions.model import Service

# The version table keeps an id in a varchar(32).
MAX_ID = 32
_MAX_BYTES = 16 << 20
_ILLEGAL = "@-+:"
_CREATED = re.compile(r"^Create Date: ([0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+)", re.MULTILINE)
_WAYS = {
    "revision": 'write the id itself, such as revision = "3f0c9a1b2d4e"',
    "down_revision": "write the id of the parent itself, a tuple of ids for a merge, or None",
}


def read_history(root: Path, service: Service) -> tuple[History, list[Diagnostic]]:
    """Read every revision of `service`, and what is wrong with each file alone."""
    places, faults = locations(root, service)
    revisions, unread = [], []
    for file in dict.fromkeys(file for place in places for file in _files(root, place)):
        clean = _clean(file)
        if clean != file:
            message = "found a file whose name holds signs that cannot be shown"
            revision, found = None, [_unreadable(message, Place(clean, 0, 0), "rename it")]
        else:
            revision, found = read_revision(root, file)
        faults += found
        if revision is None:
            unread.append(file)
        else:
            revisions.append(revision)
    home = PurePosixPath(places[0].folder).parent.as_posix() if places else "."
    return History(service, tuple(revisions), tuple(unread), home), faults


def _files(root: Path, location: Location) -> Iterator[str]:
    """Yield the files that Alembic takes for revisions, in a fixed order."""
    for folder, below, names in os.walk(root / location.folder, onerror=_refuse):
        below[:] = sorted(below) if location.recursive else []
        if folder.endswith("__pycache__"):
            continue
        for name in sorted(names):
            if name.endswith(".py") and not name.startswith((".#", "__init__")):
                yield Path(folder, name).relative_to(root).as_posix()


def _refuse(error: OSError) -> None:
    # A folder that cannot be listed may hold anything: that is no clean history.
    raise error


def _clean(file: str) -> str:
    """Return `file` without what a terminal or a log would obey."""
    text = os.fsencode(file).decode(errors="replace")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def read_revision(root: Path, file: str) -> tuple[Revision | None, list[Diagnostic]]:
    """Read one revision file; no Revision when its id or its parents cannot be known."""
    try:
        data = read_bytes(root, file, _MAX_BYTES)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return None, [_unreadable(f"found a file that cannot be read ({why})", Place(file, 0, 0))]
    if len(data) > _MAX_BYTES:
        return None, [_unreadable("found a file of more than 16 MiB", Place(file, 0, 0))]
    try:
        text = _text(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(text)
    except SyntaxError as error:
        return None, [_unreadable(f"found what is no Python: {error.msg}", _spot(file, error))]
    except (ValueError, RecursionError, MemoryError) as error:
        return None, [_unreadable(f"found what is no Python: {error}", Place(file, 0, 0))]
    reader = _Reader(file, text, module)
    return reader.revision(hashlib.sha256(data).hexdigest()), reader.faults


def _text(data: bytes) -> str:
    """Decode a source as Python does: by its mark or its coding line, UTF-8 otherwise."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def _spot(file: str, error: SyntaxError) -> Place:
    return Place(file, error.lineno, max(1, error.offset or 1)) if error.lineno else Place(file, 0, 0)


def _unreadable(
    message: str, place: Place, way_out: str = "correct the file, or bring it back from git"
) -> Diagnostic:
    return Diagnostic("unreadable-revision", message, place, help=way_out)


class _Reader:
    """Reads the assignments of one module that Alembic looks at."""

    def __init__(self, file: str, text: str, module: ast.Module) -> None:
        self.file, self.lines, self.module = file, text.split("\n"), module
        self.values = dict(_assignments(module))
        self.faults: list[Diagnostic] = []

    def revision(self, digest: str) -> Revision | None:
        missing = [name for name in ("revision", "down_revision") if name not in self.values]
        if missing:
            self.incomplete(missing[0])
            return None
        ids = self.mentions("revision")
        parents = self.mentions("down_revision")
        needs, labels = self.mentions("depends_on"), self.mentions("branch_labels")
        if ids is not None and not self.is_text("revision"):
            self.computed("revision")
            ids = None
        if ids is None or parents is None:
            return None
        self.check(ids[0])
        return Revision(
            ids[0].id,
            self.file,
            ids[0].place,
            parents,
            self.place(self.values["down_revision"]),
            needs or (),
            labels or (),
            self.created(),
            digest,
        )

    def mentions(self, name: str) -> tuple[Mention, ...] | None:
        """Return the texts that `name` is, one or several; nothing, and a fault, where it is no plain text."""
        node = self.values.get(name)
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            return ()
        items = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
        found = [
            Mention(item.value, self.place(item))
            for item in items
            if isinstance(item, ast.Constant) and isinstance(item.value, str)
        ]
        if len(found) < len(items):
            self.computed(name)
            return None
        return tuple(found)

    def is_text(self, name: str) -> bool:
        node = self.values[name]
        return isinstance(node, ast.Constant) and isinstance(node.value, str)

    def check(self, revision: Mention) -> None:
        """Refuse an id that Alembic or its version table cannot hold."""
        illegal = "".join(letter for letter in _ILLEGAL if letter in revision.id)
        if illegal or not revision.id.strip():
            what = f"the signs {' '.join(illegal)}" if illegal else "nothing in it"
            self.faults.append(
                Diagnostic(
                    "invalid-revision",
                    f"found the id {shown(revision.id)}, which has {what}: Alembic refuses it",
                    revision.place,
                    help="write letters, digits and _, and the same in the revisions that follow it",
                )
            )
        if len(revision.id) > MAX_ID:
            self.faults.append(
                Diagnostic(
                    "revision-too-long",
                    f"found an id of {len(revision.id)} characters, and the version table holds {MAX_ID}",
                    revision.place,
                    help="shorten it here and in the revisions that follow it; the name of the file may be long",
                )
            )

    def incomplete(self, name: str) -> None:
        self.faults.append(
            Diagnostic(
                "incomplete-revision",
                f"found no {name} in a file among the revisions, which Alembic refuses to load",
                Place(self.file, 0, 0),
                help="write both, revision and down_revision; a module that is no revision belongs elsewhere",
            )
        )

    def computed(self, name: str) -> None:
        self.faults.append(
            Diagnostic(
                "computed-revision",
                f"found a {name} that is not written as plain text",
                self.place(self.values[name]),
                help=_WAYS.get(name, "write the texts themselves, one, a tuple of several, or None"),
            )
        )

    def created(self) -> str:
        found = _CREATED.search(ast.get_docstring(self.module, clean=False) or "")
        return found[1].replace("T", " ") if found else ""

    def place(self, node: ast.expr) -> Place:
        """Return where `node` is written; what spans several lines ends with its first."""
        line = self.lines[node.lineno - 1]
        start = _characters(line, node.col_offset)
        end = len(line)
        if node.end_lineno == node.lineno and node.end_col_offset is not None:
            end = _characters(line, node.end_col_offset)
        return Place(self.file, node.lineno, start + 1, max(1, end - start))


def _characters(line: str, octets: int) -> int:
    """Return how many characters the first `octets` bytes of `line` are: Python counts the bytes of UTF-8."""
    return octets if line.isascii() else len(line.encode()[:octets].decode(errors="replace"))


def _assignments(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name that the module assigns at its top level with its value; the last one counts."""
    for node in module.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _targets(target, node.value)


def _targets(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)):
        pairs = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value] * len(target.elts)
        for name, part in zip(target.elts, pairs, strict=False):
            yield from _targets(name, part)
