"""A service's history and its committed snapshot into what a deployment would refuse of the two."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.files import read_bytes
from compiler.spec.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from compiler.revisions.model import History
    from compiler.spec.spec import Spec

_NAME = "schema.json"
_MAX_BYTES = 16 << 20
_HEAD = re.compile(r'^ *"head": *("[^"\n]*"|null)', re.MULTILINE)


def judge_snapshot(root: Path, spec: Spec, history: History) -> Iterator[Diagnostic]:
    """Refuse a snapshot that is not there, or of another revision than the head, where an environment needs it."""
    service = history.service
    enabled = spec.having(service.name)
    comparing = [environment for environment in enabled if environment.model.migrations.verify == "drift"]
    heads = [history.by_id()[one] for one in history.heads()]
    # What is wrong with the history is told already; without a revision there is nothing to compare.
    if not comparing or history.unread or len(heads) != 1:
        return
    place = comparing[0].place("migrations", "verify")
    file = f"{history.home}/{_NAME}".removeprefix("./")
    way_out = "let an environment of tier local have the service: it makes the snapshot"
    if any(environment.tier == "local" for environment in enabled):
        upgrade, snapshot = (
            f"{comparing[0].model.tool} migrate {command} --service {service.name}"
            for command in ("upgrade", "snapshot")
        )
        way_out = f"make it and commit it: {upgrade} && {snapshot}"
    try:
        text = read_bytes(root, file, _MAX_BYTES).decode()
        head = json.loads(text)["head"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        lacks = file if isinstance(error, FileNotFoundError) else f"snapshot in {file}"
        message = f"found drift, and no {lacks}, which schemas of {shown(service.name)} are compared with"
        yield Diagnostic("missing-snapshot", message, place, help=way_out)
        return
    if head != heads[0].id:
        yield Diagnostic(
            "outdated-snapshot",
            f"found the snapshot of {shown(head)}, the migrations are at {shown(heads[0].id)}",
            _place(file, text),
            (
                Note(f"{heads[0].name} is the head", heads[0].place),
                Note(f"schemas of {shown(service.name)} are compared with it", place),
            ),
            way_out,
        )


def _place(file: str, text: str) -> Place:
    """Return where the revision of a snapshot is written; the whole file where it is written otherwise than by us."""
    found = _HEAD.search(text)
    if found is None:
        return Place(file, 0, 0)
    begin = text.rfind("\n", 0, found.start(1)) + 1
    return Place(file, text.count("\n", 0, begin) + 1, found.start(1) - begin + 1, len(found[1]))
