"""Kubernetes' and Argo CD's own type definitions into the strict JSON Schemas beside this file.

Run `uv run --with kubernetes-validate==1.37.0 python genlint/schemas/make.py`; it needs go for Argo CD's module.
"""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
# The oldest Kubernetes that the outputs are for: what it accepts, later ones accept too.
KUBERNETES = "1.34.0"
KINDS = (
    "configmap-v1",
    "deployment-apps-v1",
    "job-batch-v1",
    "namespace-v1",
    "networkpolicy-networking-v1",
    "poddisruptionbudget-policy-v1",
    "service-v1",
    "serviceaccount-v1",
)
ARGOCD = "github.com/argoproj/argo-cd/v3@v3.5.7"
RESOURCES = ("application", "appproject")
METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
# What a schema says for people or for an API server only, and what we never write.
SILENT = {"description", "default", "$schema", "$id", "title"}
NEVER_WRITTEN = {"status", "operation"}

Schema = dict[str, Any]


def main() -> None:
    """Write every schema."""
    folder = files("kubernetes_validate") / f"kubernetes-json-schema/v{KUBERNETES}-local-strict"
    definitions = json.loads((folder / "_definitions.json").read_text("utf-8"))["$defs"]
    for kind in KINDS:
        _write(kind, _kubernetes(json.loads((folder / f"{kind}.json").read_text("utf-8"))), definitions)
    crds = _argocd_folder() / "manifests/crds"
    for resource in RESOURCES:
        crd = yaml.safe_load((crds / f"{resource}-crd.yaml").read_text("utf-8"))
        _write(f"{resource}-argoproj-v1alpha1", _argocd(crd), definitions)


def _argocd_folder() -> Path:
    command = ["go", "mod", "download", "-json", ARGOCD]
    return Path(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["Dir"])


def _write(name: str, schema: Schema, definitions: Schema) -> None:
    """Write `schema` with those of the `definitions` that it refers to, directly or not."""
    schema["properties"] = {
        name: value for name, value in schema["properties"].items() if name not in NEVER_WRITTEN
    }
    needed: Schema = {}
    waiting = sorted(_references(schema))
    while waiting:
        reference = waiting.pop()
        if reference not in needed:
            needed[reference] = _kubernetes(definitions[reference])
            waiting += sorted(_references(needed[reference]))
    document = {"$schema": "http://json-schema.org/draft-07/schema#", **schema, "definitions": needed}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    (HERE / f"{name}.json").write_text(text + "\n", "utf-8")


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {reference for item in schema for reference in _references(item)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set()
    return own.union(*map(_references, schema.values()))


def _kubernetes(schema: Schema) -> Schema:
    """Keep what decides; null, which Kubernetes reads as absent, is never what we mean."""
    kept: Schema = {}
    for key, value in schema.items():
        if key == "$ref":
            kept[key] = "#/definitions/" + value.rpartition("/")[2]
        elif key == "properties":
            kept[key] = {name: _kubernetes(value[name]) for name in value}
        elif key == "type" and isinstance(value, list):
            kept[key] = next(name for name in value if name != "null")
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            kept[key] = _kubernetes(value)
        elif key in ("oneOf", "anyOf", "allOf"):
            kept[key] = [_kubernetes(item) for item in value]
        elif key not in SILENT and not key.startswith("x-"):
            kept[key] = [item for item in value if item is not None] if key == "enum" else value
    return kept


def _argocd(crd: Schema) -> Schema:
    version = next(version for version in crd["spec"]["versions"] if version["name"] == "v1alpha1")
    schema = _strict(version["schema"]["openAPIV3Schema"])
    schema["properties"] |= {
        "apiVersion": {"enum": [f"{crd['spec']['group']}/v1alpha1"]},
        "kind": {"enum": [crd["spec"]["names"]["kind"]]},
        "metadata": {"$ref": f"#/definitions/{METADATA}"},
    }
    schema["required"] = sorted({*schema["required"], "apiVersion", "kind"})
    return schema


def _strict(schema: Schema) -> Schema:
    """Turn a schema of a custom resource into a JSON Schema that refuses a field which is not declared."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    kept = {
        key: value
        for key, value in schema.items()
        if key not in SILENT and not key.startswith("x-") and key != "nullable"
    }
    if "properties" in kept:
        kept["properties"] = {name: _strict(value) for name, value in kept["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            kept["additionalProperties"] = False
    elif isinstance(kept.get("additionalProperties"), dict):
        kept["additionalProperties"] = _strict(kept["additionalProperties"])
    if "items" in kept:
        kept["items"] = _strict(kept["items"])
    return kept


if __name__ == "__main__":
    main()
