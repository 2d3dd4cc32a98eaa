"""Turns a compiled chart and the digests of its images into the Kubernetes objects that `helm template` would give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IMAGE = re.compile(r'\{\{ index \.Values\.images "([a-z0-9-]+)" \}\}')
DIGEST = "{{ .Values.migrations.digest }}"


@dataclass(frozen=True)
class Chart:
    """The objects of one release."""

    objects: tuple[dict[str, Any], ...]

    def kind(self, kind: str) -> dict[str, dict[str, Any]]:
        """The objects of one kind by their names."""
        return {each["metadata"]["name"]: each for each in self.objects if each["kind"] == kind}

    @property
    def config_maps(self) -> dict[str, dict[str, str]]:
        """What each ConfigMap holds."""
        return {name: each["data"] for name, each in self.kind("ConfigMap").items()}

    @property
    def job(self) -> dict[str, Any]:
        """The specification of the migration Job's pod."""
        (job,) = self.kind("Job").values()
        return dict(job["spec"]["template"]["spec"])

    def deployment(self, service: str) -> dict[str, Any]:
        """The specification of a service's pods."""
        (name,) = [name for name in self.kind("Deployment") if name.endswith(f"-{service}")]
        return dict(self.kind("Deployment")[name]["spec"]["template"]["spec"])


def render(chart: Path, images: Mapping[str, str]) -> Chart:
    """Render a chart: its templates hold two Go actions, each inside a quoted scalar."""
    digest = ""
    if (chart / "images.yaml").is_file():
        digest = yaml.safe_load((chart / "images.yaml").read_text(encoding="utf-8"))["migrations"]["digest"]
    objects: list[dict[str, Any]] = []
    for file in sorted((chart / "templates").rglob("*.yaml")):
        text = IMAGE.sub(lambda match: images[match[1]], file.read_text(encoding="utf-8"))
        text = text.replace(DIGEST, digest)
        assert "{{" not in text, f"{file} holds an action that nobody substitutes here"
        objects += yaml.safe_load_all(text)
    return Chart(tuple(objects))
