"""Outputs into the whole tree as it shall be on disk: the merged `package.json` and the ownership records included."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from compiler.emit.file import OutputFile, OutputScripts, Span
from compiler.emit.seal import is_untouched
from compiler.output.disk import Disk
from compiler.output.paths import is_safe, parent, record_path
from compiler.output.record import Record, digest, parse, render
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
    """All files by path, sorted; `take` names what may be replaced although we did not write it.

    `seen` is what the journal and the records held (None = not there) when scripts were judged by them.
    """

    files: Mapping[str, TreeFile]
    take: frozenset[str] = frozenset()
    seen: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(slots=True)
class _Written:
    files: dict[str, frozenset[str]] = field(default_factory=dict)
    scripts: dict[str, frozenset[str]] = field(default_factory=dict)


def collect(
    outputs: Iterable[Output], root: Path, take: frozenset[str] = frozenset()
) -> tuple[Tree | None, list[Diagnostic]]:
    """Make the tree of all `outputs`; reads `package.json` and its record below `root`, writes nothing.

    `take` holds script names and paths (a folder means all in it). An output without scripts removes ours from
    the file; use that when no environment wants them. Raises ValueError when two outputs share a path or a path
    is not one to write to: that is a bug of an emitter.
    """
    take = frozenset(name.removeprefix("./").rstrip("/") for name in take)
    disk = Disk(root)
    files: dict[str, TreeFile] = {}
    written: dict[str, _Written] = {}
    diagnostics: list[Diagnostic] = []
    seen: list[tuple[str, bytes | None]] = []
    for output in sorted(outputs, key=lambda output: output.path):
        if output.path in files:
            raise ValueError(f"two outputs are written to {output.path}")
        if isinstance(output, OutputFile):
            files[output.path] = _whole(output, written)
            continue
        found = _merged(output, disk, take, written, seen)
        if isinstance(found, TreeFile):
            files[output.path] = found
        elif found:
            diagnostics += found
    for environment, record in written.items():
        path = record_path(environment)
        if path in files:
            raise ValueError(f"an output is written to {path}, where the record belongs")
        text = render(Record(record.files, record.scripts))
        files[path] = TreeFile(text, (), environment, "record", text.encode())
    _check_paths(files)
    if diagnostics:
        return None, sorted(diagnostics, key=lambda d: (d.place, d.code, d.message))
    return Tree({path: files[path] for path in sorted(files)}, take, tuple(seen)), []


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
    seen: list[tuple[str, bytes | None]],
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
    output: OutputScripts, disk: Disk, seen: list[tuple[str, bytes | None]]
) -> dict[str, frozenset[str]]:
    """By script name, the hashes of the commands that we wrote: as the record says, and the journal."""
    written: dict[str, frozenset[str]] = {}
    # All records: the environment that had the scripts may be gone, or have another name now.
    folders = [name for name, is_folder in disk.names("out") if is_folder]
    for path in (*map(record_path, folders), JOURNAL):
        data = disk.read(path).data
        seen.append((path, data))
        record = parse(data, path) if data else None
        if isinstance(record, Record):
            for key, hashes in record.scripts.items():
                file, _, name = key.partition("#")
                if file == output.path:
                    written[name] = written.get(name, frozenset()) | hashes
    return written


def _check_paths(files: Mapping[str, TreeFile]) -> None:
    seen: dict[str, str] = {}
    folders = {folder for path in files for folder in _folders(path)}
    for path in files:
        twin = seen.setdefault(path.casefold(), path)
        if twin != path:
            raise ValueError(f"{path} and {twin} differ only in case")
        if not is_safe(path) or path.casefold().startswith(".gen/"):
            raise ValueError(f"{path!r} is no path to write to")
        if path in folders:
            raise ValueError(f"{path} is a file and a folder")


def _folders(path: str) -> list[str]:
    above = parent(path)
    return [above, *_folders(above)] if above else []
