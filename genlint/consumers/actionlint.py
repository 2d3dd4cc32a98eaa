"""The workflows as actionlint reads them: keys, types, expressions, and the shell in their steps by shellcheck."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from genlint.finding import Extent, Finding
from genlint.workspace import failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genlint.workspace import Workspace


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
    return [
        Finding(one["filepath"], _extent(one), "actionlint", one["kind"], " ".join(one["message"].split()))
        for one in said
    ]


def _extent(one: dict[str, int]) -> Extent:
    line, column = one["line"], max(one["column"], 1)
    return Extent(line, column, line, max(one.get("end_column", 0), column) + 1)
