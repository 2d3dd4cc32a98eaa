"""Turns a service's revision files into a graph, by reading and never by running them."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .codes import RunError
from .output import names

if TYPE_CHECKING:
    from collections.abc import Iterable

SECTION = "alembic"
#: What a revision that works outside a transaction names.
OUTSIDE = ("autocommit_block", "postgresql_concurrently")
SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}


class Revision(NamedTuple):
    """One revision file."""

    id: str
    slug: str
    parents: tuple[str, ...]
    needs: tuple[str, ...]
    file: Path
    labels: tuple[str, ...] = ()
    checksum: str = ""  # the SHA-256 of its text with LF
    phase: str = ""  # what it says of itself
    alone: bool = False  # it may leave its transaction


class History(NamedTuple):
    """All revisions by id, parents before children, and the one head."""

    revisions: dict[str, Revision]
    head: str | None

    def ancestors(self, ids: Iterable[str]) -> set[str]:
        """These revisions and all below them."""
        seen: set[str] = set()
        todo = [each for each in ids if each in self.revisions]
        while todo:
            each = todo.pop()
            if each not in seen:
                seen.add(each)
                todo += self.revisions[each].parents + self.revisions[each].needs
        return seen

    def pending(self, current: Iterable[str]) -> tuple[Revision, ...]:
        """What is between these revisions and the head, in order."""
        done = self.ancestors(current)
        wanted = self.ancestors([self.head] if self.head else [])
        return tuple(each for key, each in self.revisions.items() if key in wanted and key not in done)

    def slug(self, revision: str) -> str:
        """The name to show; an unknown id itself."""
        known = self.revisions.get(revision)
        return known.slug if known else revision

    def at(self, current: Iterable[str]) -> str:
        """What a schema is at, to be shown."""
        return names([self.slug(revision) for revision in current]) or "no revision"


def _broken(reason: str, way_out: str) -> RunError:
    return RunError("broken-history", reason, way_out)


def read(folder: Path, config: str) -> History:
    """The history that `config` in the service's `folder` points to.

    Raises RunError: "usage", "several-heads", or "broken-history".
    """
    revisions: dict[str, Revision] = {}
    for directory, recursive in version_folders(folder, config):
        for file in _files(directory, recursive):
            revision = _revision(file)
            other = revisions.setdefault(revision.id, revision)
            if other is not revision:
                reason = f"revision {revision.id} is in two files: {other.file.name} and {revision.file.name}"
                raise _broken(reason, "give one of them a new id, and its children that parent")
    return _graph(revisions, config)


def _graph(revisions: dict[str, Revision], config: str) -> History:
    labelled = {label: each.id for each in revisions.values() for label in each.labels}
    for each in list(revisions.values()):
        needs = tuple(need if need in revisions else labelled.get(need, need) for need in each.needs)
        revisions[each.id] = each._replace(needs=needs)
    for revision in revisions.values():
        for parent in revision.parents + revision.needs:
            if parent not in revisions:
                reason = f"{revision.file.name} follows revision {parent}, which no file has"
                raise _broken(reason, "correct down_revision, or bring the missing file back")
    followed = {parent for revision in revisions.values() for parent in revision.parents}
    heads = [revision for revision in revisions.values() if revision.id not in followed]
    if len(heads) > 1:
        reason = f"{len(heads)} heads: {' and '.join(sorted(head.file.name for head in heads))}"
        way_out = f"join them in the service's folder: alembic -c {config} merge -m merge_heads heads"
        raise RunError("several-heads", reason, way_out)
    return History(_ordered(revisions), heads[0].id if heads else None)


def _ordered(revisions: dict[str, Revision]) -> dict[str, Revision]:
    ordered: dict[str, Revision] = {}
    waiting = dict(sorted(revisions.items()))
    while waiting:
        ready = [r for r in waiting.values() if all(parent in ordered for parent in r.parents + r.needs)]
        if not ready:
            files = ", ".join(sorted(revision.file.name for revision in waiting.values()))
            raise _broken(f"revisions follow each other in a circle: {files}", "correct down_revision")
        for revision in ready:
            ordered[revision.id] = revision
            del waiting[revision.id]
    return ordered


def version_folders(folder: Path, config: str) -> list[tuple[Path, bool]]:
    """Where the revision files are, each with whether in subfolders too. Raises RunError("usage")."""
    file = folder / config
    parser = ConfigParser({"here": file.absolute().parent.as_posix()})
    try:
        with file.open(encoding="utf-8") as stream:
            parser.read_file(stream)
        keys = ("script_location", "version_locations", "path_separator", "version_path_separator")
        location, several, *separators = (parser.get(SECTION, key, fallback="") for key in keys)
        separator = separators[0] or separators[1]
        recursive = parser.getboolean(SECTION, "recursive_version_locations", fallback=False)
    except OSError as error:
        reason = f"cannot read {file}: {error.strerror}"
        raise RunError("usage", reason, "the plan's config names it") from None
    except (ConfigError, ValueError) as error:
        reason = f"{file}: {str(error).splitlines()[0]}"
        raise RunError("usage", reason, "correct the [alembic] section") from None
    if not location:
        raise RunError("usage", f"{file} has no script_location", "name the migrations' folder there")
    if not several:
        return [(_place(folder, location) / "versions", recursive)]
    places = several.split(SEPARATORS[separator]) if separator in SEPARATORS else re.split(r", *| +", several)
    return [(_place(folder, place.strip()), recursive) for place in places if place.strip()]


def _place(folder: Path, location: str) -> Path:
    """As Alembic reads it: relative to the working directory, or `package:folder`."""
    if Path(location).is_absolute() or ":" not in location:
        return folder / location
    package, *rest = location.split(":")
    for entry in [str(folder), *sys.path]:
        candidate = Path(entry, *package.split("."), *rest)
        if candidate.is_dir():
            return candidate
    return folder / location


def _files(directory: Path, recursive: bool) -> list[Path]:
    if not directory.is_dir():
        reason = f"the folder of the revisions, {directory}, is not there"
        raise RunError("usage", reason, "correct script_location")
    found = directory.rglob("*.py") if recursive else directory.glob("*.py")
    return sorted(file for file in found if not file.name.startswith((".#", "__init__")))


def _revision(file: Path) -> Revision:
    try:
        data = file.read_bytes()
        tree = ast.parse(data, filename=file.name)
    except (OSError, SyntaxError, ValueError) as error:
        raise _broken(f"{file.name} cannot be read: {error}", "correct the file") from None
    values: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            values.update({name.id: node.value for name in node.targets if isinstance(name, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            values[node.target.id] = node.value
    # Alembic takes every file for a revision and loads none when one has no id ("Could not determine revision id") or
    # no down_revision (AttributeError). The names of old, such as 1f2e.py, and what is computed are ids to it only.
    for name in ("revision", "down_revision"):
        if name not in values:
            way_out = "write both, or move a module that is no revision elsewhere"
            raise _broken(f"{file.name} has no line `{name} = …`, as Alembic needs of each file", way_out)
    ids = _strings(file, "revision", values["revision"])
    if len(ids) != 1:
        raise _broken(f"{file.name}: revision is not one string", "write it as a plain string")
    phase = values.get("phase")
    return Revision(
        id=ids[0],
        slug=_slug(file, ids[0]),
        parents=_strings(file, "down_revision", values.get("down_revision")),
        needs=_strings(file, "depends_on", values.get("depends_on")),
        file=file,
        labels=_strings(file, "branch_labels", values.get("branch_labels")),
        checksum=hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest(),
        phase=phase.value if isinstance(phase, ast.Constant) and isinstance(phase.value, str) else "",
        alone=any(word.encode() in data for word in OUTSIDE) and any(map(_leaves, ast.walk(tree))),
    )


def _leaves(node: ast.AST) -> bool:
    return getattr(node, "attr", None) in OUTSIDE or getattr(node, "arg", None) in OUTSIDE


def _strings(file: Path, name: str, node: ast.expr | None) -> tuple[str, ...]:
    try:
        value = ast.literal_eval(node) if node is not None else ()
    except ValueError:
        value = node
    if value is None:
        return ()
    items = tuple(value) if isinstance(value, (tuple, list, set)) else (value,)
    if not all(isinstance(item, str) for item in items):
        raise _broken(f"{file.name}: {name} is not written as plain strings", "write it out")
    return items


def _slug(file: Path, revision: str) -> str:
    """What stands behind the id in the file's name, or that name."""
    _before, found, behind = file.stem.partition(revision)
    return behind.lstrip("_-") or revision if found else file.stem
