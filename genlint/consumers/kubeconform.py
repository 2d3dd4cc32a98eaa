"""Kubernetes' and Argo CD's objects as their own types describe them, strictly: an unknown field is a finding."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlint.consumers.helm import KUBERNETES
from genlint.finding import Extent
from genlint.workspace import failed
from genlint.yamlplace import by_path, descend, extent_of, key_of, line_extent, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from genlint.documents import Document
    from genlint.finding import Finding
    from genlint.workspace import Workspace

_SCHEMAS = Path(__file__).parent.parent / "schemas"
_ERROR = re.compile(r"- at '([^']*)': (.*?)\s*(?=- at '|\Z)", re.DOTALL)
_LINE = re.compile(r"line (\d+): (.*)")
_UNKNOWN = re.compile(r"additional propert\S+ '([^']+)'")


def check(space: Workspace, documents: Sequence[Document]) -> list[Finding]:
    """Return what is wrong with `documents`; each of them must be an object of a kind whose type is known."""
    if not documents:
        return []
    folder = space.scratch / "kubeconform"
    folder.mkdir()
    for number, document in enumerate(documents):
        (folder / f"{number:05}.yaml").write_text(document.text + "\n", "utf-8")
    schemas = f"{_SCHEMAS}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    done = space.run(
        "kubeconform",
        "-strict",
        "-verbose",
        "-output",
        "json",
        "-n",
        "2",
        "-kubernetes-version",
        KUBERNETES,
        "-schema-location",
        schemas,
        ".",
        cwd=folder,
    )
    try:
        results = json.loads(done.stdout)["resources"]
    except (ValueError, KeyError):
        raise failed("kubeconform", " ".join((done.stderr or done.stdout).split())) from None
    judged = {int(Path(result["filename"]).stem) for result in results}
    if judged != set(range(len(documents))):
        raise failed("kubeconform", "it left out a document")
    return [
        finding
        for result in results
        if result["status"] != "statusValid"
        for finding in _findings(documents[int(Path(result["filename"]).stem)], result)
    ]


def _findings(document: Document, result: dict[str, Any]) -> Iterator[Finding]:
    message: str = result["msg"] or result["status"]
    kind = result["kind"] or "object"
    by_path: dict[str, list[str]] = {}
    for path, said in _ERROR.findall(message):
        by_path.setdefault(path, []).append(" ".join(said.split()))
    for path, said in by_path.items():
        extent = _extent(document.text, path, said[0])
        yield document.finding(extent, "kubeconform", kind, f"{path or '/'}: {'; '.join(said)}")
    if not by_path:
        line = _LINE.search(message)
        extent = line_extent(document.text, int(line[1])) if line else _whole(document.text, message)
        text = line[2] if line else message
        yield document.finding(extent, "kubeconform", kind, " ".join(text.split()))


def _whole(text: str, message: str) -> Extent:
    """Return the place of an objection to a whole object: the field it names, or its kind when that has no type."""
    node = parse(text)
    if node is None:
        return Extent()
    if "could not find schema" in message:
        found, left = descend(node, ["kind"])
        return Extent() if left else extent_of(found)
    return by_path(node, message) or Extent()


def _extent(text: str, path: str, message: str) -> Extent:
    node = parse(text)
    if node is None:
        return Extent()
    names = [name.replace("~1", "/").replace("~0", "~") for name in path.split("/")[1:]]
    node, left = descend(node, names)
    unknown = _UNKNOWN.search(message)
    key = key_of(node, unknown[1]) if unknown and not left else None
    return extent_of(key or node)
