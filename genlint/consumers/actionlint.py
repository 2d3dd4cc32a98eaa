"""The workflows as actionlint reads them: keys, types, expressions, and the shell in their steps by shellcheck."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from genlint.finding import Extent, Finding
from genlint.workspace import failed
from genlint.yamlplace import line_extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genlint.workspace import Workspace

# What actionlint says of a script: shellcheck's own words, with the line and the column in the script.
_SHELLCHECK = re.compile(r"(?P<rule>SC\d+):\w+:(?P<line>\d+):(?P<column>\d+): (?P<said>.*)", re.DOTALL)
_BLOCK = re.compile(r"[|>][+-]?\s*$")


def check(space: Workspace, workflows: Sequence[str]) -> list[Finding]:
    """Return what actionlint objects to in `workflows`."""
    if not workflows:
        return []
    config = space.scratch / "actionlint.yaml"
    config.write_text("{}\n", "utf-8")
    shellcheck = str(space.tools.programs["shellcheck"])
    done = space.run(
        "actionlint",
        "-format",
        "{{json .}}",
        "-config-file",
        str(config),
        "-shellcheck",
        shellcheck,
        "-pyflakes",
        "",
        *workflows,
    )
    try:
        said = json.loads(done.stdout or "[]") or []
    except ValueError:
        raise failed("actionlint", " ".join((done.stderr or done.stdout).split())) from None
    if bool(done.returncode) != bool(said):
        raise failed("actionlint", " ".join(done.stderr.split()))
    return [_finding(space.files[one["filepath"]], one) for one in said]


def _finding(text: str, one: dict[str, Any]) -> Finding:
    line, column, path, message = one["line"], max(one["column"], 1), one["filepath"], one["message"]
    shell = _SHELLCHECK.search(message)
    if shell:
        extent = _in_script(text, line, int(shell["line"]), int(shell["column"]))
        return Finding(path, extent, "shellcheck", shell["rule"], " ".join(shell["said"].split()))
    extent = Extent(line, column, line, max(one.get("end_column", 0), column) + 1)
    return Finding(path, extent, "actionlint", one["kind"], " ".join(message.split()))


def _in_script(text: str, run: int, line: int, column: int) -> Extent:
    """Return the place of a line and a column of the script that the key in line `run` holds."""
    lines = text.split("\n")
    head = lines[run - 1]
    block = _BLOCK.search(head)
    if block is None:
        return line_extent(text, run)
    first = lines[run] if run < len(lines) else ""
    return Extent.at(run + line, len(first) - len(first.lstrip()) + column)
