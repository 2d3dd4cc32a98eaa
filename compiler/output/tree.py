"""Outputs into the whole tree as it shall be on disk: the merged `package.json` and the ownership records included."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from compiler.emit.file import OutputFile, OutputScripts, Span
from compiler.emit.seal import is_untouched
from compiler.frozen import dataclass
from compiler.output.disk import Disk
from compiler.output.paths import RECORD_NAME, is_safe, parent, record_path
from compiler.output.record import Record, digest, digest_of, parse, render
from compiler.output.scripts import Merged, command_digest, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from compiler.diagnostics.model import Diagnostic
    from compiler.emit.file import Output

JOURNAL = ".gen/journal.json"
Kind = Literal["owned", "sealed", "merged", "record"]


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file as it shall be. `environment` is "" where none owns it.

    `kind` says how it is known as ours: by a record (owned), by its seal, script by script (merged), or since
    it is a record. A merged file keeps its `base`, what was on disk, and what the merge found out about it.
    """

    text: str
    spans: tuple[Span, ...]
    environment: str
    kind: Kind
    data: bytes
    base: bytes | None = None
    merged: Merged | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """Files by path, sorted: all, or those that belong together; `take` names what may be replaced though not ours.

    `seen` holds the hashes of journal and records (None = not there) when scripts were judged by them.
    """

    files: Mapping[str, TreeFile]
    take: frozenset[str] = frozenset()
    seen: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class _Written:
    files: dict[str, frozenset[str]] = field(default_factory=dict)
    scripts: dict[str, frozenset[str]] = field(default_factory=dict)


def collect(
    outputs: Iterable[Output], root: Path, take: frozenset[str] = frozenset()
) -> tuple[Tree | None, list[Diagnostic]]:
    """Make the tree of all `outputs`, see `Collector`; no tree where a file of the user's is in the way."""
    collector = Collector(root, take)
    tree = collector.add(outputs)
    collector.check_together()
    return (None if collector.diagnostics else tree), collector.diagnostics


def union(trees: Iterable[Tree]) -> Tree:
    """Make one tree of several that share no path."""
    trees = tuple(trees)
    files = {path: file for tree in trees for path, file in tree.files.items()}
    seen = tuple(one for tree in trees for one in tree.seen)
    take = frozenset(name for tree in trees for name in tree.take)
    return Tree({path: files[path] for path in sorted(files)}, take, seen)


class Collector:
    """Makes trees of outputs, one after the other; reads `package.json` and its record below `root`, writes nothing.

    `take` holds script names and paths (a folder means all in it). `diagnostics` say what is wrong with the user's
    files, which are then missing in the trees; `paths` and `scripts` name all that is written.
    """

    def __init__(self, root: Path, take: frozenset[str] = frozenset()) -> None:
        """Begin with nothing."""
        self._given = take
        self.take = frozenset(name.removeprefix("./").rstrip("/") for name in take)
        self.diagnostics: list[Diagnostic] = []
        self.paths: set[str] = set()
        self.scripts: set[str] = set()
        self._disk = Disk(root)

    def add(self, outputs: Iterable[Output]) -> Tree:
        """Make the tree of all outputs of one environment, or of several.

        An output without scripts removes ours from the file; use that when no environment wants them. Raises
        ValueError when two outputs share a path or a path is not one to write to: that is a bug of an emitter.
        """
        files: dict[str, TreeFile] = {}
        written: dict[str, _Written] = {}
        seen: list[tuple[str, str | None]] = []
        for output in sorted(outputs, key=lambda output: output.path):
            self._claim(output.path, "two outputs are written to {}")
            if isinstance(output, OutputFile):
                files[output.path] = _whole(output, written)
                continue
            self.scripts |= {name.text for name, _ in output.scripts}
            found = _merged(output, self._disk, self.take, written, seen)
            if isinstance(found, TreeFile):
                files[output.path] = found
            elif found:
                self.diagnostics = sorted(
                    [*self.diagnostics, *found], key=lambda d: (d.place, d.code, d.message)
                )
        for environment, record in written.items():
            path = record_path(environment)
            self._claim(path, "an output is written to {}, where the record belongs")
            text = render(Record(record.files, record.scripts))
            files[path] = TreeFile(text, (), environment, "record", text.encode())
        return Tree({path: files[path] for path in sorted(files)}, self.take, tuple(seen))

    def _claim(self, path: str, otherwise: str) -> None:
        if path in self.paths:
            raise ValueError(otherwise.format(path))
        if not is_safe(path) or path.casefold().startswith(".gen/"):
            raise ValueError(f"{path!r} is no path to write to")
        self.paths.add(path)

    def unknown_takes(self) -> set[str]:
        """The names in `take` that are no script, no output and no folder of outputs."""
        paths = {path for path in self.paths if path.rpartition("/")[2] != RECORD_NAME}
        folders = {folder for path in paths for folder in _folders(path)}
        return {
            name
            for name in self._given
            if name not in self.scripts
            and name.removeprefix("./") not in paths
            and name.removeprefix("./").rstrip("/") not in folders
        }

    def check_together(self) -> None:
        """Raise ValueError when two of all paths are one on some disk: that is a bug of an emitter."""
        seen: dict[str, str] = {}
        folders = {folder for path in self.paths for folder in _folders(path)}
        for path in sorted(self.paths):
            twin = seen.setdefault(path.casefold(), path)
            if twin != path:
                raise ValueError(f"{path} and {twin} differ only in case")
            if path in folders:
                raise ValueError(f"{path} is a file and a folder")


def _whole(output: OutputFile, written: dict[str, _Written]) -> TreeFile:
    text = output.content.text
    data = text.encode()
    if output.path.startswith("out/") and not output.path.startswith(f"out/{output.environment}/"):
        raise ValueError(f"{output.path} lies in the folder of another environment")
    if output.path.startswith("out/") and not output.sealed:
        written.setdefault(output.environment, _Written()).files[output.path] = frozenset([digest(data)])
        return TreeFile(text, output.content.spans, output.environment, "owned", data)
    if not is_untouched(text):
        raise ValueError(f"{output.path} is in no record and is not sealed")
    return TreeFile(text, output.content.spans, output.environment, "sealed", data)


def _merged(
    output: OutputScripts,
    disk: Disk,
    take: frozenset[str],
    written: dict[str, _Written],
    seen: list[tuple[str, str | None]],
) -> TreeFile | list[Diagnostic]:
    if output.scripts:
        ours = written.setdefault(output.environment, _Written()).scripts
        for name, command in output.scripts:
            ours[f"{output.path}#{name.text}"] = frozenset([command_digest(command.text)])
    found = disk.read(output.path)
    if found.problem:
        return [found.problem]
    if found.data is None and not output.scripts:
        return []
    merged = merge(output, found.data, _scripts_written(output, disk, seen), take)
    if isinstance(merged, list):
        return merged
    data = merged.text.encode()
    return TreeFile(merged.text, merged.spans, output.environment, "merged", data, found.data, merged)


def _scripts_written(
    output: OutputScripts, disk: Disk, seen: list[tuple[str, str | None]]
) -> dict[str, frozenset[str]]:
    """By script name, the hashes of the commands that we wrote: as the record says, and the journal."""
    written: dict[str, frozenset[str]] = {}
    # All records: the environment that had the scripts may be gone, or have another name now.
    folders = [name for name, is_folder in disk.names("out") if is_folder]
    for path in (*map(record_path, folders), JOURNAL):
        data = disk.read(path).data
        seen.append((path, digest_of(data)))
        record = parse(data, path) if data else None
        if isinstance(record, Record):
            for key, hashes in record.scripts.items():
                file, _, name = key.partition("#")
                if file == output.path:
                    written[name] = written.get(name, frozenset()) | hashes
    return written


def _folders(path: str) -> list[str]:
    above = parent(path)
    return [above, *_folders(above)] if above else []
