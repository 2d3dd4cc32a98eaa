"""A small project to compile: outputs of every kind, and what its folder looks like on disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Place
from compiler.emit.file import Emitter, Output, OutputFile, OutputScripts, Span, Text
from compiler.emit.seal import seal
from compiler.output.apply import apply
from compiler.output.compare import Change, Comparison, compare
from compiler.output.tree import Tree, collect

if TYPE_CHECKING:
    from pathlib import Path

    from compiler.output.write import Written

EMITTERS = (
    Emitter(
        "all",
        (
            "out/{environment}/plan.json",
            "out/{environment}/README.md",
            "out/{environment}/runner/genmigrate/*.py",
            ".github/workflows/gen-{environment}.yml",
            ".env.example",
            "package.json",
        ),
        lambda _: (),
    ),
)
NOWHERE = frozenset[str]()


def outputs(version: str = "1", environments: tuple[str, ...] = ("local", "staging")) -> list[Output]:
    """Whole files, sealed files and scripts; all but the runner differ from version to version."""
    found: list[Output] = []
    for name in environments:
        found += [
            OutputFile(f"out/{name}/plan.json", name, Text(f'{{"version": "{version}"}}\n' * 40)),
            OutputFile(f"out/{name}/README.md", name, Text(f"# {name}\n\nVersion {version}.\n")),
            OutputFile(f"out/{name}/runner/genmigrate/run.py", name, Text("print('run')\n")),
            OutputFile(
                f".github/workflows/gen-{name}.yml", name, seal(Text(f"v: {version}\n"), f"{name}.yaml")
            ),
        ]
    if "local" in environments:
        found += [
            OutputFile(
                ".env.example", "local", seal(Text(f"VERSION={version}\n"), "environments/local.yaml")
            ),
            scripts(("dev", f"bin/gen dev up --docker {version}"), ("migrate", "bin/gen migrate upgrade")),
        ]
    else:
        found.append(OutputScripts("package.json", "", "bin/gen"))
    return found


def scripts(*pairs: tuple[str, str], tool: str = "bin/gen", environment: str = "local") -> OutputScripts:
    """Scripts, each with an origin of its own: line 1, 2, … of the platform file."""
    texts = []
    for line, (name, command) in enumerate(pairs, 1):
        place = Place("environments/platform.yaml", line, 1)
        texts.append((Text(name), Text(command, (Span(0, len(command), (place,)),))))
    return OutputScripts("package.json", environment, tool, tuple(texts))


def tree_of(made: list[Output], root: Path, take: frozenset[str] = NOWHERE) -> Tree:
    """The tree of `made`, which has no mistake."""
    tree, diagnostics = collect(made, root, take)
    assert tree is not None, diagnostics
    return tree


def look(made: list[Output], root: Path, take: frozenset[str] = NOWHERE) -> Comparison:
    """Compare as `gen --check` does."""
    return compare(tree_of(made, root, take), root, EMITTERS)


def gen(made: list[Output], root: Path, take: frozenset[str] = NOWHERE) -> Written:
    """Write as `gen` does; no mistake is expected."""
    comparison, written = apply(lambda: look(made, root, take), root)
    assert written is not None, comparison and comparison.diagnostics
    return written


def drift(made: list[Output], root: Path) -> dict[str, tuple[str, str | None]]:
    """What `gen --check` reports, by path: kind and cause."""
    return {c.path: (c.kind, c.cause) for c in look(made, root).changes if c.kind != "unchanged"}


def the_change(made: list[Output], root: Path, path: str) -> Change:
    """What `gen --check` says about `path`."""
    return next(change for change in look(made, root).changes if change.path == path)


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file below `root`, `.gen/` left out."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] != ".gen"
    }


def identities(root: Path) -> dict[str, tuple[int, int, int, int]]:
    """Inode, times and mode of everything below `root`, folders and `.gen/` included."""
    return {
        str(path): (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)
        for path in [root, *root.rglob("*")]
        for status in [os.lstat(path)]
    }


def codes(comparison: Comparison) -> list[tuple[str, str]]:
    """Code and path of each diagnostic."""
    return [(found.code, found.place.file) for found in comparison.diagnostics]
