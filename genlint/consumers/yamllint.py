"""Every YAML text that a program reads, as yamllint sees it: the one linter that notices a key twice in a map."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from genlint.finding import Extent
from genlint.workspace import failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genlint.documents import Document
    from genlint.finding import Finding
    from genlint.workspace import Workspace

# Lines are as long as what they say, a document of ours needs no mark at its head, and `on` is GitHub's own key.
_RULES = """\
extends: default
rules:
  line-length: disable
  document-start: disable
  truthy: {check-keys: false}
  key-duplicates: {forbid-duplicated-merge-keys: true}
  octal-values: enable
  anchors: {forbid-undeclared-aliases: true, forbid-duplicated-anchors: true, forbid-unused-anchors: true}
  float-values: {require-numeral-before-decimal: true, forbid-nan: true, forbid-inf: true}
  empty-values: enable
"""
_SAID = re.compile(r"(.+):(\d+):(\d+): \[(error|warning)\] (.*?)(?: \(([a-z-]+)\))?")


def check(space: Workspace, documents: Sequence[Document]) -> list[Finding]:
    """Return what yamllint says of `documents`, warnings included."""
    if not documents:
        return []
    folder = Path(tempfile.mkdtemp(prefix="yamllint-", dir=space.scratch))
    for number, document in enumerate(documents):
        (folder / f"{number:05}.yaml").write_text(document.text + "\n", "utf-8")
    done = space.run(
        "yamllint",
        "--strict",
        "--format",
        "parsable",
        "--config-data",
        _RULES,
        ".",
        codes=(0, 1, 2),
        cwd=folder,
    )
    found = []
    for line in done.stdout.splitlines():
        said = _SAID.fullmatch(line)
        if said is None:
            raise failed("yamllint", f"it says {line!r}")
        document = documents[int(Path(said[1]).stem)]
        extent = Extent.at(int(said[2]), int(said[3]))
        found.append(
            document.finding(extent, "yamllint", said[6] or "syntax", said[5].removesuffix(" (syntax)"))
        )
    if bool(done.returncode) != bool(found):
        raise failed("yamllint", " ".join(done.stderr.split()) or f"it ended with {done.returncode}")
    return found
