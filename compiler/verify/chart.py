"""The files of one environment's chart into the objects they describe, and what these refer to."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from compiler.verify.document import Document, find, mapping, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.finding import Path

KINDS = {
    "ConfigMap": "v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "Service": "v1",
    "ServiceAccount": "v1",
}
POD: Path = ("spec", "template", "spec")
DIGESTS = "{{ .Values.migrations.digest }}"
IMAGE = re.compile(r'[a-z0-9][a-z0-9._:/-]*@\{\{ index \.Values\.images "([a-z][a-z0-9-]*)" \}\}')
# Where a container names a ConfigMap, below one entry of the list.
_SOURCES = (("env", ("valueFrom", "configMapKeyRef", "name")), ("envFrom", ("configMapRef", "name")))


@dataclass
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

    # What follows is asked for when all objects are there.

    @cached_property
    def workloads(self) -> list[Document]:
        """What has pods."""
        return [*self.of("Deployment"), *self.of("Job")]

    @cached_property
    def migrating(self) -> list[dict[str, Any]]:
        """The services that migrate, in the plan's order, as plan.json has them."""
        return sequence(self.plan.at("services")) if self.plan else []

    @cached_property
    def images(self) -> dict[str, Any]:
        """The services whose images the schema of the values wants."""
        return mapping(self.schema.at("properties", "images", "properties")) if self.schema else {}

    @cached_property
    def release(self) -> str:
        """The name of the release, as most objects have it; "" where there are none."""
        names = Counter(str(label(document, "instance")) for document in self.objects)
        return names.most_common(1)[0][0] if names else ""

    @cached_property
    def namespace(self) -> str:
        """The namespace, as most objects have it; "" where there are none."""
        names = Counter(str(document.at("metadata", "namespace")) for document in self.objects)
        return names.most_common(1)[0][0] if names else ""


def label(document: Document, name: str) -> Any:
    """Return a label of an object, one of those that Kubernetes recommends."""
    return document.at("metadata", "labels", f"app.kubernetes.io/{name}")


def containers(document: Document) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every container of a workload's pods, with the path to it."""
    spec = mapping(document.at(*POD))
    for kind in ("initContainers", "containers"):
        for number, container in enumerate(sequence(spec.get(kind))):
            yield (*POD, kind, number), mapping(container)


def image_of(container: Any) -> str:
    """Return the service whose image a container has, "" where that is none of the values'."""
    match = IMAGE.fullmatch(str(find(container, "image")))
    return match[1] if match else ""


def service_of(document: Document) -> str:
    """Return the service whose image the first container of a workload has."""
    return image_of(document.at(*POD, "containers", 0))


def references(document: Document) -> Iterator[tuple[str, str, Path]]:
    """Yield kind, name and path of every account and file of the chart that a workload's pods name."""
    spec = mapping(document.at(*POD))
    if "serviceAccountName" in spec:
        yield "ServiceAccount", str(spec["serviceAccountName"]), (*POD, "serviceAccountName")
    for number, volume in enumerate(sequence(spec.get("volumes"))):
        if find(volume, "configMap") is not None:
            path: Path = (*POD, "volumes", number, "configMap", "name")
            yield "ConfigMap", str(find(volume, "configMap", "name")), path
    for above, container in containers(document):
        for kind, below in _SOURCES:
            for number, entry in enumerate(sequence(container.get(kind))):
                name = find(entry, *below)
                if name is not None:
                    yield "ConfigMap", str(name), (*above, kind, number, *below)
