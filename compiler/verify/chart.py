"""The files of one environment's chart into the objects they describe, and the rules that hold for all of them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compiler.verify.document import Document, find, mapping, sequence
from compiler.verify.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.finding import Path

WORKLOADS = ("Deployment", "Job")
KINDS = {
    "ConfigMap": "v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "Service": "v1",
    "ServiceAccount": "v1",
}
_LABELS = ("name", "instance", "part-of", "component")
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
DIGESTS = "{{ .Values.migrations.digest }}"
IMAGE = re.compile(r'[a-z0-9][a-z0-9._:/-]*@\{\{ index \.Values\.images "([a-z][a-z0-9-]*)" \}\}')
# A quoted scalar of a template that holds an action, as it is spelt.
_IMAGE_SPELT = re.compile(r"""'[a-z0-9._:/-]+@(\{\{ index \.Values\.images "[a-z][a-z0-9-]*" \}\})'""")
_NAME_SPELT = re.compile(r'"[a-z0-9-]+-(\{\{ \.Values\.migrations\.digest \}\})"')


@dataclass(slots=True)
class Chart:
    """One environment's chart, with the documents beside it; what is not there is None.

    `plan` is `plan.json`, `modules` are the names of the runner's modules beside it, `plan_text` its text. `branch`
    is the one that the environment's guide names, `syncs` whether it says that Argo CD syncs by itself.
    """

    environment: str
    objects: list[Document] = field(default_factory=list)
    by_kind: dict[str, list[Document]] = field(default_factory=dict)
    metadata: Document | None = None
    schema: Document | None = None
    pins: Document | None = None
    plan: Document | None = None
    plan_text: str = ""
    modules: frozenset[str] = frozenset()
    branch: str = ""
    syncs: bool | None = None
    project: Document | None = None
    application: Document | None = None

    def add(self, file: str, number: int, body: object) -> None:
        """Take one document of a template."""
        name, kind = find(body, "metadata", "name"), find(body, "kind")
        document = Document(file, number, body, kind if isinstance(kind, str) else "", str(name or ""))
        self.objects.append(document)
        self.by_kind.setdefault(document.kind, []).append(document)

    def of(self, kind: str) -> list[Document]:
        """Return the objects of one kind."""
        return self.by_kind.get(kind, [])

    @property
    def argocd(self) -> bool:
        """Whether Argo CD syncs this chart; otherwise Helm installs it."""
        return self.application is not None or self.pins is not None

    @property
    def workloads(self) -> list[Document]:
        """What has pods."""
        return [*self.of("Deployment"), *self.of("Job")]

    @property
    def migrating(self) -> list[dict[str, object]]:
        """The services that migrate, in the plan's order, as plan.json has them."""
        return sequence(self.plan.at("services")) if self.plan else []


def actions(path: str, text: str) -> Iterator[Finding]:
    """Find what Helm would execute in a template, comments included, besides the two actions that there are."""
    if "{{" not in text:
        return
    allowed = {match.start(1) for pattern in (_IMAGE_SPELT, _NAME_SPELT) for match in pattern.finditer(text)}
    at = text.find("{{")
    while at >= 0:
        if at not in allowed:
            line = text.count("\n", 0, at) + 1
            action = text[at : text.find("\n", at)][:60]
            yield Finding("chart-action", f"found the action `{action}`", path, line=line)
        at = text.find("{{", at + 2)


def check(chart: Chart) -> Iterator[Finding]:
    """Check what holds for every object of a chart, and for its values."""
    yield from _kinds(chart)
    yield from _names(chart)
    yield from _namespaces(chart)
    yield from _labels(chart)
    yield from _values(chart)
    yield from _pins(chart)
    yield from _complete(chart)
    if chart.metadata and chart.metadata.at("kubeVersion") != ">=1.34.0-0":
        yield chart.metadata.breaks("chart-version", "found no `kubeVersion: >=1.34.0-0`", "kubeVersion")


def _kinds(chart: Chart) -> Iterator[Finding]:
    for document in chart.objects:
        if KINDS.get(document.kind) != document.at("apiVersion"):
            kind = f"{document.at('apiVersion')} {document.kind}"
            yield document.breaks("chart-kinds", f"found an object of the kind {kind}", "kind")


def _names(chart: Chart) -> Iterator[Finding]:
    count = Counter((document.kind, document.name) for document in chart.objects)
    for document in chart.objects:
        # The hash of the digests has eight letters.
        name = document.name.replace(DIGESTS, "12345678")
        if not _NAME.fullmatch(name) or document.at("metadata", "generateName"):
            yield document.breaks("chart-names", f"found the name {document.name!r}", "metadata", "name")
        elif count[document.kind, document.name] > 1:
            yield document.breaks("chart-names", f"found {document.name!r} twice", "metadata", "name")


def _namespaces(chart: Chart) -> Iterator[Finding]:
    found = Counter(str(document.at("metadata", "namespace")) for document in chart.objects)
    expected = found.most_common(1)[0][0] if found else ""
    for document in chart.objects:
        namespace = document.at("metadata", "namespace")
        if namespace is None or namespace != expected:
            yield document.breaks(
                "chart-namespace",
                f"found the namespace {namespace!r} beside {expected!r}",
                "metadata",
                "namespace",
            )


def release_of(chart: Chart) -> str:
    """Return the name of the release, as most objects have it."""
    names = Counter(_label(document, "instance") for document in chart.objects)
    return names.most_common(1)[0][0] if names else ""


def _label(document: Document, name: str) -> str:
    return str(document.at("metadata", "labels", f"app.kubernetes.io/{name}"))


def _labels(chart: Chart) -> Iterator[Finding]:
    release = release_of(chart)
    for document in chart.objects:
        labels = mapping(document.at("metadata", "labels"))
        missing = [name for name in _LABELS if not labels.get(f"app.kubernetes.io/{name}")]
        if missing:
            yield document.breaks("chart-labels", f"found no label {missing[0]}", "metadata", "labels")
        elif _label(document, "instance") != release:
            path = ("metadata", "labels", "app.kubernetes.io/instance")
            yield document.breaks("chart-labels", f"found a label that is not of {release!r}", *path)


def used_images(chart: Chart) -> set[str]:
    """Return the services whose images the templates take from the values."""
    found = {image_of(container) for document in chart.workloads for _, container in containers(document)}
    return found - {""}


def containers(document: Document) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every container of a workload's pods, with the path to it."""
    spec = document.at("spec", "template", "spec")
    for kind in ("initContainers", "containers"):
        for number, container in enumerate(sequence(mapping(spec).get(kind))):
            yield ("spec", "template", "spec", kind, number), mapping(container)


def _values(chart: Chart) -> Iterator[Finding]:
    schema = chart.schema
    if schema is None:
        return
    for path in _objects(schema.body):
        properties = mapping(schema.at(*path, "properties"))
        if schema.at(*path, "additionalProperties") is not False:
            yield schema.breaks(
                "chart-values", "found values that nobody checks", *path, "additionalProperties"
            )
        if sorted(map(str, sequence(schema.at(*path, "required")))) != sorted(properties):
            yield schema.breaks("chart-values", "found a value that may be missing", *path, "required")
    images = mapping(schema.at("properties", "images", "properties"))
    for name, rule in images.items():
        if mapping(rule).get("pattern") != "^sha256:[0-9a-f]{64}$":
            path = ("properties", "images", "properties", name, "pattern")
            yield schema.breaks("chart-values", f"found no pattern of a digest for {name!r}", *path)
    if images.keys() != used_images(chart):
        yield schema.breaks(
            "chart-values", "found other images than the templates use", "properties", "images", "properties"
        )


def _objects(schema: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
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
    if (
        chart.schema
        and images.keys() != mapping(chart.schema.at("properties", "images", "properties")).keys()
    ):
        yield chart.pins.breaks("chart-pins", "found other images than the schema wants", "images")
    wants = chart.schema is not None and chart.schema.at("properties", "migrations") is not None
    digests = chart.pins.at("migrations", "digest")
    if wants and not re.fullmatch(r"[0-9a-f]{8}", str(digests)):
        yield chart.pins.breaks("chart-pins", "found no hash of the digests", "migrations", "digest")


def _complete(chart: Chart) -> Iterator[Finding]:
    names = {(document.kind, document.name) for document in chart.objects}
    for document in chart.workloads:
        for kind, name, path in references(document):
            if (kind, name) not in names:
                yield document.breaks(
                    "chart-complete", f"found the {kind} {name!r}, which is not there", *path
                )
    deployed = {first_image(document) for document in chart.of("Deployment")}
    wanted = mapping(chart.schema.at("properties", "images", "properties")) if chart.schema else {}
    for name in wanted:
        if chart.schema and name not in deployed:
            path = ("properties", "images", "properties", name)
            yield chart.schema.breaks("chart-complete", f"found no Deployment of {name!r}", *path)


def first_image(document: Document) -> str:
    """Return the service whose image the first container of a workload has, "" where that is none of the values'."""
    return image_of(document.at("spec", "template", "spec", "containers", 0))


def image_of(container: Any) -> str:
    """Return the service whose image a container has, "" where that is none of the values'."""
    match = IMAGE.fullmatch(str(find(container, "image")))
    return match[1] if match else ""


# Where a container names a ConfigMap, below one entry of the list.
_SOURCES = (("env", ("valueFrom", "configMapKeyRef", "name")), ("envFrom", ("configMapRef", "name")))


def references(document: Document) -> Iterator[tuple[str, str, Path]]:
    """Yield kind, name and path of every account and file of the chart that a workload's pods name."""
    at: Path = ("spec", "template", "spec")
    spec = mapping(document.at(*at))
    if "serviceAccountName" in spec:
        yield "ServiceAccount", str(spec["serviceAccountName"]), (*at, "serviceAccountName")
    for number, volume in enumerate(sequence(spec.get("volumes"))):
        if find(volume, "configMap") is not None:
            path: Path = (*at, "volumes", number, "configMap", "name")
            yield "ConfigMap", str(find(volume, "configMap", "name")), path
    for above, container in containers(document):
        for kind, below in _SOURCES:
            for number, entry in enumerate(sequence(container.get(kind))):
                name = find(entry, *below)
                if name is not None:
                    yield "ConfigMap", str(name), (*above, kind, number, *below)
