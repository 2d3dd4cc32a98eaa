"""The Compose files as Docker Compose loads them, with a stand-in for every variable that has no value of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from genlint.finding import Finding
from genlint.yamlplace import locate

if TYPE_CHECKING:
    from genlint.workspace import Workspace

_FILE = re.compile(r"out/[^/]+/compose\.yaml")
# `$$` is a dollar; `${NAME:-default}` brings its own value.
_VARIABLE = re.compile(r"\$\$|\$\{?([A-Za-z_][A-Za-z0-9_]*)(?!:?-|\w)")


def files(space: Workspace) -> list[str]:
    """Return the Compose files of the tree."""
    return sorted(path for path in space.files if _FILE.fullmatch(path))


def check(space: Workspace, path: str) -> list[Finding]:
    """Return what the loader of Docker Compose refuses in the file at `path`."""
    text = space.files[path]
    variables = {name: "stand-in" for name in _VARIABLE.findall(text) if name}
    folder, _, name = path.rpartition("/")
    done = space.run("compose", name, cwd=space.root / folder, variables=variables)
    if not done.returncode:
        return []
    lines = [
        line.strip()
        for line in done.stdout.replace(f"{space.root}/{folder}/", "").splitlines()
        if line.strip()
    ]
    messages = lines[1:] if len(lines) > 1 and lines[0].endswith("error(s):") else [" ".join(lines)]
    return [Finding(path, locate(text, message), "compose", "load", message) for message in messages]
