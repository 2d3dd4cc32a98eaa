"""The projects that are compiled: the reference platform as it is, and two that are made up."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Size(NamedTuple):
    """How many of each a project has."""

    environments: int
    services: int
    tenants: int

    def __str__(self) -> str:
        return f"{self.environments} environments x {self.services} services x {self.tenants} tenants"


SMALL, LARGE = Size(4, 3, 4), Size(50, 30, 200)


def reference(root: Path) -> Path:
    """Copy the reference platform's spec to `root`: two of its four environments are deployed to a cluster."""
    shutil.copytree(ROOT / "environments", root / "environments")
    for service in (ROOT / "python_apps").iterdir():
        (root / "python_apps" / service.name).mkdir(parents=True)
    return root


def made_up(root: Path, size: Size, local: bool) -> Path:
    """Write a project to `root`: deployed by Argo CD and by Helm in turn, but for a first that is `local`."""
    folder = root / "environments"
    folder.mkdir(parents=True)
    services = {f"service-{number:02}": _service(root, number) for number in range(size.services)}
    platform = {
        "platform": "bench",
        "registry": "registry.example.com/bench",
        "repository": "https://github.com/example/bench",
        "tenants_env": "TENANTS",
        "postgres": {"version": 16, "image": "postgres:16@sha256:" + "0" * 64},
        "services": services,
    }
    # JSON is YAML.
    _write(folder / "platform.yaml", platform)
    tenants = [f"tenant-{tenant:03}" for tenant in range(size.tenants)]
    for number in range(size.environments):
        name = "local" if local and not number else f"staging-{number:02}"
        environment: dict[str, Any] = {"environment": name, "tenants": tenants}
        if name != "local":
            via = "helm" if number % 2 else "argocd"
            environment |= _deployment(name, via)
            if via == "argocd":
                pins = (f"{service}: {digest(service)}\n" for service in sorted(services))
                (folder / f"{name}.images.yaml").write_text("".join(pins), "utf-8")
        _write(folder / f"{name}.yaml", environment)
    return root


def _service(root: Path, number: int) -> dict[str, Any]:
    name = f"service-{number:02}"
    (root / "apps" / name).mkdir(parents=True)
    return {
        "path": f"apps/{name}",
        "port": 9000 + number,
        "health": "/health",
        "database": f"db_{number:02}",
        "dev": ["python", "-m", "app"],
        "migrations": {
            "schema": f"s{number:02}_{{tenant}}",
            "url_env": f"DB_{number:02}_URL",
            **({"after": [f"service-{number - 1:02}"]} if number else {}),
        },
    }


def _deployment(name: str, via: str) -> dict[str, Any]:
    return {
        "deploy": {
            "branch": f"deploy/{name}",
            "via": via,
            "namespace": name,
            "cluster": {"kubeconfig": "KUBECONFIG"},
        },
        "smoke_tests": [{"name": "it is up", "service": "service-00", "get": "/health"}],
    }


def digest(service: str) -> str:
    """Return a digest for the image of a service."""
    return f"sha256:{hashlib.sha256(service.encode()).hexdigest()}"


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1), "utf-8")
