"""Each chart as helm lints and renders it: findings, and the documents that reach the cluster."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genlint.documents import match_rendered, split
from genlint.finding import Extent, Finding
from genlint.workspace import failed
from genlint.yamlplace import descend, extent_of, key_of, line_extent, locate, parse, syntax_error

if TYPE_CHECKING:
    from genlint.documents import Document
    from genlint.workspace import Workspace

KUBERNETES = "1.34.0"
_CHART = re.compile(r"(out/[^/]+/chart)/Chart\.yaml")
_SOURCE = re.compile(r"# Source: [^/\n]+/(\S+)")
_SAID = re.compile(
    r"^\[(ERROR|WARNING|INFO)\] ([^:\n]*): ?(.*?)(?=^\[(?:ERROR|WARNING|INFO)\] |\Z)",
    re.MULTILINE | re.DOTALL,
)
_TEMPLATE = re.compile(r"[^\s/(]+/(templates/[^\s:()]+):(\d+)(?::(\d+))?")
_POINTER = re.compile(r"at '([^']*)': (.*?)\s*(?=- at '|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart's folder, `out/<environment>/chart`, and the arguments that give it the values of a deployment."""

    folder: str
    values: tuple[str, ...]


def charts(space: Workspace) -> list[Chart]:
    """Return every chart of the tree."""
    folders = [match[1] for path in space.files if (match := _CHART.fullmatch(path))]
    return [Chart(folder, _values(space, folder)) for folder in sorted(folders)]


def _values(space: Workspace, folder: str) -> tuple[str, ...]:
    """Return the pins of the chart, or a stand-in for each digest that it takes at the time of a deployment."""
    if f"{folder}/images.yaml" in space.files:
        return ("--values", f"{folder}/images.yaml")
    digests = {name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in _images(space, folder)}
    standin = space.scratch / f"{folder.replace('/', '-')}-digests.json"
    standin.write_text(json.dumps({"images": digests}), "utf-8")
    return ("--values", str(standin)) if digests else ()


def _images(space: Workspace, folder: str) -> list[str]:
    """Return the names of the images that the chart's own schema demands."""
    try:
        schema = json.loads(space.files.get(f"{folder}/values.schema.json", "{}"))
    except ValueError:
        # Helm will say so, with the place.
        return []
    images = schema.get("properties", {}).get("images", {})
    return sorted(images.get("required", ()))


def lint(space: Workspace, chart: Chart) -> list[Finding]:
    """Return what `helm lint --strict` objects to."""
    arguments = ("lint", "--strict", "--quiet", "--kube-version", KUBERNETES, *chart.values, chart.folder)
    done = space.run("helm", *arguments)
    said = [(kind, path, text) for kind, path, text in _SAID.findall(done.stdout) if kind != "INFO"]
    if bool(done.returncode) != bool(said):
        raise failed("helm", " ".join((done.stderr or done.stdout).split()))
    found = [finding for _, path, text in said for finding in _findings(space, chart, path, text)]
    return sorted(set(found))


def render(space: Workspace, chart: Chart) -> tuple[list[Finding], list[Document]]:
    """Return the documents of the rendered chart, or what helm objects to while it renders."""
    name = chart.folder.split("/")[1]
    arguments = (
        "template",
        name,
        chart.folder,
        "--namespace",
        name,
        "--kube-version",
        KUBERNETES,
        *chart.values,
    )
    done = space.run("helm", *arguments)
    if done.returncode:
        text = done.stderr.removeprefix("Error: ").replace("Use --debug flag to render out invalid YAML", "")
        return _findings(space, chart, "templates/", text), []
    documents = []
    for _, text in split(done.stdout):
        source, _, rendered = text.partition("\n")
        match = _SOURCE.fullmatch(source)
        path = f"{chart.folder}/{match[1]}" if match else ""
        document = match_rendered(rendered.strip("\n"), path, space.files.get(path, ""))
        if document is None:
            raise failed(
                "helm", f"{path or chart.folder}: what it renders is no document of this template: {source}"
            )
        documents.append(document)
    return [], documents


def _findings(space: Workspace, chart: Chart, path: str, text: str) -> list[Finding]:
    """Return the findings of one message; helm names the place in its text, the more exactly the later it failed."""
    message = " ".join(text.split())
    inside = _TEMPLATE.search(message)
    if inside:
        return [_in_template(space, f"{chart.folder}/{inside[1]}", int(inside[2]), inside[3], message)]
    pointers = _POINTER.findall(text)
    if pointers:
        values = f"{chart.folder}/values.yaml"
        return [_in_values(space, values, pointer, " ".join(said.split())) for pointer, said in pointers]
    named = re.search(r"[^\s/]+/(templates/\S+?\.\w+):", message)
    file = f"{chart.folder}/{named[1] if named else path}".rstrip("/")
    if file not in space.files:
        file = f"{chart.folder}/Chart.yaml"
    return [Finding(file, _place(space.files[file], message), "helm", "lint", message)]


def _in_template(space: Workspace, path: str, line: int, column: str, message: str) -> Finding:
    extent = Extent.at(line, int(column) + 1) if column else line_extent(space.files.get(path, ""), line)
    return Finding(path, extent, "helm", "template", message)


def _in_values(space: Workspace, path: str, pointer: str, message: str) -> Finding:
    names = [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]
    node = parse(space.files.get(path, ""))
    extent = Extent()
    if node is not None:
        node, _ = descend(node, names)
        unknown = re.search(r"additional propert\S+ '([^']+)'", message)
        extent = extent_of((unknown and key_of(node, unknown[1])) or node)
    return Finding(path, extent, "helm", "values", f"{pointer or '/'}: {message}")


def _place(text: str, message: str) -> Extent:
    """Return the place in a template that helm names by a line of one of its documents, or by a value."""
    for first, document in split(text):
        wrong = syntax_error(document)
        if wrong is not None:
            extent = wrong[0]
            return Extent.at(extent.line + first - 1, extent.column) if extent.line else Extent()
    if re.search(r"\bline \d+\b", message):
        return Extent()
    for first, document in split(text):
        extent = locate(document, message)
        if extent.line:
            down = first - 1
            return Extent(extent.line + down, extent.column, extent.end_line + down, extent.end_column)
    return Extent()
