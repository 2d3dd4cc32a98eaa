"""A small project to make mistakes in: the one that the pages of the diagnostics start from."""

from __future__ import annotations

from pathlib import Path

from compiler.diagnostics.render import FORMATS, render
from compiler.spec.load import load

ROOT = Path(__file__).parent.parent.parent
BASE = ROOT / "tests" / "diagnostics" / "base"
PLATFORM = (BASE / "environments" / "platform.yaml").read_text("utf-8")
LOCAL = (BASE / "environments" / "local.yaml").read_text("utf-8")
DIGEST = "sha256:" + "5214b807" * 8
PINS = f"api: {DIGEST}\nworker: {DIGEST}\n"


def deployed(name: str, branch: str, via: str = "helm", extra: str = "") -> str:
    """Return the spec of an environment in a cluster; `extra` are further entries of its `deploy`."""
    variable = name.upper().replace("-", "_")
    return (
        f"environment: {name}\n"
        "tenants: [default]\n"
        "deploy:\n"
        f"  branch: {branch}\n"
        f"  via: {via}\n"
        f"  namespace: {name}\n"
        f"  cluster: {{kubeconfig: {variable}_KUBECONFIG}}\n{extra}"
    )


STAGING = deployed("staging", "develop")
PRODUCTION = deployed("production", "main", "argocd")


def project(
    folder: Path, local: str | bytes = LOCAL, platform: str | bytes = PLATFORM, **more: str | bytes
) -> Path:
    """Lay the project into `folder` with these texts; `more` are further environments by name."""
    for path in ("environments", "services/api", "services/worker"):
        (folder / path).mkdir(parents=True, exist_ok=True)
    for name, text in {"local": local, "platform": platform, **more}.items():
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        (folder / "environments" / f"{name}.yaml").write_bytes(data)
    return folder


def said(folder: Path) -> str:
    """Return everything that `gen` says of the project, in every format."""
    _, diagnostics, sources = load(folder)
    return "\n".join(render(diagnostics, sources, format) for format in FORMATS)  # noqa: A001


def mistakes(folder: Path) -> list[str]:
    """Return `file:line:column code` of every mistake of the project."""
    spec, diagnostics, _ = load(folder)
    assert (spec is None) == bool(diagnostics)
    return [f"{fault.place} {fault.code}".removeprefix("environments/") for fault in diagnostics]


def codes(folder: Path) -> set[str]:
    """Return the codes of the mistakes of the project."""
    return {fault.code for fault in load(folder)[1]}
