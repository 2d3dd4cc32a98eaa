"""Every object and every value of a chart against what holds for all of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from compiler.verify.chart import DIGESTS, KINDS, containers, image_of, label, references, service_of
from compiler.verify.document import mapping, sequence
from compiler.verify.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.chart import Chart
    from compiler.verify.document import Document

_LABELS = ("name", "instance", "part-of", "component")
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# The lines of a template that hold an action, which stands inside a quoted text.
_ACTING = re.compile(
    r"""[ ]+image: '[a-z0-9._:/-]+@\{\{ index \.Values\.images "[a-z][a-z0-9-]*" \}\}'"""
    r"""|[ ]{2}name: "[a-z0-9-]+-\{\{ \.Values\.migrations\.digest \}\}\""""
)
_PATTERN = "^sha256:[0-9a-f]{64}$"
_FLOOR = ">=1.34.0-0"


def actions(path: str, text: str) -> Iterator[Finding]:
    """Find what Helm would execute in a template, comments included, besides the two actions that there are."""
    at = text.find("{{")
    while at >= 0:
        start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        end = end if end >= 0 else len(text)
        if not _ACTING.fullmatch(text, start, end):
            message = f"found the action `{text[at : min(end, at + 60)]}`"
            yield Finding("chart-action", message, path, line=text.count("\n", 0, at) + 1)
        at = text.find("{{", end)


def check(chart: Chart) -> Iterator[Finding]:
    """Check what holds for every object of a chart, and for its values."""
    count = Counter((document.kind, document.name) for document in chart.objects)
    for document in chart.objects:
        yield from _identity(document, count[document.kind, document.name], chart)
        yield from _labels(document, chart.release)
    yield from _values(chart)
    yield from _pins(chart)
    yield from _complete(chart)
    if chart.metadata and chart.metadata.at("kubeVersion") != _FLOOR:
        yield chart.metadata.breaks("chart-version", f"found no `kubeVersion: {_FLOOR}`", "kubeVersion")


def _identity(document: Document, count: int, chart: Chart) -> Iterator[Finding]:
    if KINDS.get(document.kind) != document.at("apiVersion"):
        kind = f"{document.at('apiVersion')} {document.kind}"
        yield document.breaks("chart-kinds", f"found an object of the kind {kind}", "kind")
    # The hash of the digests has eight letters.
    name = document.name.replace(DIGESTS, "12345678")
    if not _NAME.fullmatch(name) or document.at("metadata", "generateName"):
        yield document.breaks("chart-names", f"found the name {document.name!r}", "metadata", "name")
    elif count > 1:
        yield document.breaks("chart-names", f"found {document.name!r} twice", "metadata", "name")
    namespace = document.at("metadata", "namespace")
    if namespace is None or namespace != chart.namespace:
        message = f"found the namespace {namespace!r} beside {chart.namespace!r}"
        yield document.breaks("chart-namespace", message, "metadata", "namespace")


def _labels(document: Document, release: str) -> Iterator[Finding]:
    missing = [name for name in _LABELS if not label(document, name)]
    if missing:
        yield document.breaks("chart-labels", f"found no label {missing[0]}", "metadata", "labels")
    elif label(document, "instance") != release:
        path = ("metadata", "labels", "app.kubernetes.io/instance")
        yield document.breaks("chart-labels", f"found a label that is not of {release!r}", *path)
    pods = document.at("spec", "template", "metadata", "labels")
    if pods is not None and pods != document.at("metadata", "labels"):
        at = ("spec", "template", "metadata", "labels")
        yield document.breaks("chart-labels", "found pods that say something else", *at)


def _values(chart: Chart) -> Iterator[Finding]:
    schema = chart.schema
    if schema is None:
        return
    for path in _objects(schema.body):
        properties = mapping(schema.at(*path, "properties"))
        if schema.at(*path, "additionalProperties") is not False:
            message = "found values that nobody checks"
            yield schema.breaks("chart-values", message, *path, "additionalProperties")
        if sorted(map(str, sequence(schema.at(*path, "required")))) != sorted(properties):
            yield schema.breaks("chart-values", "found a value that may be missing", *path, "required")
    at = ("properties", "images", "properties")
    for name, rule in chart.images.items():
        if mapping(rule).get("pattern") != _PATTERN:
            message = f"found no pattern of a digest for {name!r}"
            yield schema.breaks("chart-values", message, *at, name, "pattern")
    used = {image_of(container) for document in chart.workloads for _, container in containers(document)}
    if chart.images.keys() != used - {""}:
        yield schema.breaks("chart-values", "found other images than the templates use", *at)


def _objects(schema: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths to all schemas of objects."""
    if mapping(schema).get("type") == "object":
        yield path
        for name, below in mapping(mapping(schema).get("properties")).items():
            yield from _objects(below, (*path, "properties", name))


def _pins(chart: Chart) -> Iterator[Finding]:
    if chart.pins is None:
        return
    images = mapping(chart.pins.at("images"))
    for name, digest in images.items():
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            yield chart.pins.breaks("chart-pins", f"found no digest for {name!r}", "images", name)
    if chart.schema and images.keys() != chart.images.keys():
        yield chart.pins.breaks("chart-pins", "found other images than the schema wants", "images")
    wants = chart.schema is not None and chart.schema.at("properties", "migrations") is not None
    if wants and not re.fullmatch(r"[0-9a-f]{8}", str(chart.pins.at("migrations", "digest"))):
        yield chart.pins.breaks("chart-pins", "found no hash of the digests", "migrations", "digest")


def _complete(chart: Chart) -> Iterator[Finding]:
    names = {(document.kind, document.name) for document in chart.objects}
    for document in chart.workloads:
        for kind, name, path in references(document):
            if (kind, name) not in names:
                message = f"found the {kind} {name!r}, which is not there"
                yield document.breaks("chart-complete", message, *path)
    deployed = {service_of(document) for document in chart.of("Deployment")}
    for name in chart.images:
        if chart.schema and name not in deployed:
            path = ("properties", "images", "properties", name)
            yield chart.schema.breaks("chart-complete", f"found no Deployment of {name!r}", *path)
