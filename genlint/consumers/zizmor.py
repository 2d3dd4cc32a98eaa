"""The workflows as zizmor audits them, with every persona's rules and without any way to ignore one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from genlint.finding import Extent, Finding
from genlint.workspace import failed

if TYPE_CHECKING:
    from genlint.workspace import Workspace

_ARGUMENTS = (
    "--offline",
    "--no-progress",
    "--quiet",
    "--strict-collection",
    "--persona",
    "auditor",
    "--no-ignores",
    "--no-config",
    "--collect",
    "workflows",
    "--format",
    "json-v1",
    "--color",
    "never",
)
# 0: nothing found; 11 to 14: found, by the highest severity; 1: not done.
_CODES = (0, 1, 11, 12, 13, 14)
_REFUSED = re.compile(
    r"as workflow\s+Caused by:\s+0: (.*?)(?:^\s*$|\n\s+1: (?=invalid)|Stack backtrace)",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"line (\d+) column (\d+)")


def check(space: Workspace, workflow: str) -> list[Finding]:
    """Return what zizmor objects to in `workflow`; one that it cannot read is a finding too."""
    done = space.run("zizmor", *_ARGUMENTS, workflow, codes=_CODES)
    if done.returncode == 1:
        return [_unreadable(workflow, done.stderr)]
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise failed("zizmor", " ".join((done.stderr or done.stdout).split())) from None
    if bool(done.returncode) != bool(said):
        raise failed("zizmor", f"it ended with {done.returncode} and {len(said)} findings")
    return [_finding(workflow, one) for one in said]


def _unreadable(workflow: str, stderr: str) -> Finding:
    match = _REFUSED.search(stderr)
    if match is None:
        raise failed("zizmor", " ".join(stderr.split())[-500:])
    place = _MARK.search(match[1])
    extent = Extent.at(int(place[1]), int(place[2])) if place else Extent()
    return Finding(workflow, extent, "zizmor", "schema", " ".join(match[1].split()))


def _finding(workflow: str, one: dict[str, Any]) -> Finding:
    location = next(
        (at for at in one["locations"] if at["symbolic"]["kind"] == "Primary"), one["locations"][0]
    )
    start, end = (location["concrete"]["location"][name] for name in ("start_point", "end_point"))
    extent = Extent(start["row"] + 1, start["column"] + 1, end["row"] + 1, end["column"] + 1)
    annotation = location["symbolic"]["annotation"]
    severity = one["determinations"]["severity"].lower()
    return Finding(workflow, extent, "zizmor", one["ident"], f"{one['desc']}: {annotation} ({severity})")
