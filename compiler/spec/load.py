"""The folder `environments/` into a checked Spec, or into everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from compiler.spec.faults import faults_of
from compiler.spec.files import PLATFORM, read, spec_files
from compiler.spec.merge import merge
from compiler.spec.model import Environment
from compiler.spec.source import Node, normalize, parse
from compiler.spec.spec import EnvironmentSpec, Spec

if TYPE_CHECKING:
    from pathlib import Path

    from compiler.diagnostics.model import Diagnostic

Sources = dict[str, str]


def load(root: Path) -> tuple[Spec | None, list[Diagnostic], Sources]:
    """Read and check every environment under `root`; a Spec only when nothing is wrong.

    The diagnostics are sorted by place, each once. The sources are the texts for showing their lines, with
    everything that looks like a secret blotted out.
    """
    sources: Sources = {}
    files, faults = spec_files(root)
    trees: dict[str, Node] = {}
    for file in (PLATFORM, *files):
        tree, found = _tree(root, file, sources)
        faults += found
        if tree is not None:
            trees[file] = tree
    platform = trees.pop(PLATFORM, None)
    environments, found = _check(platform, trees)
    faults += found
    spec = Spec(tuple(environments)) if not faults else None
    return spec, sorted(set(faults), key=lambda fault: (fault.place, fault.code, fault.message)), sources


def _tree(root: Path, file: str, sources: Sources) -> tuple[Node | None, list[Diagnostic]]:
    text, faults = read(root, file)
    if text is None:
        return None, faults
    sources[file] = normalize(text)
    return parse(text, file)


def _check(platform: Node | None, trees: dict[str, Node]) -> tuple[list[EnvironmentSpec], list[Diagnostic]]:
    faults: list[Diagnostic] = []
    specs = []
    for file, tree in trees.items():
        merged = merge(platform, tree) if platform else tree
        try:
            model = Environment.model_validate(merged.plain())
        except ValidationError as error:
            faults += faults_of(error, merged, file)
        else:
            specs.append(
                EnvironmentSpec(
                    model, merged, order_of(model), model.tier or tier_of(model.environment) or ""
                )
            )
    return sorted(specs, key=lambda spec: spec.model.environment), faults


def order_of(model: Environment) -> tuple[str, ...]:
    """Return the enabled services that migrate, each after those it names, ties by name."""
    waiting = {
        name: set(service.migrations.after)
        for name, service in model.services.items()
        if service.enabled and service.migrations is not None
    }
    order: list[str] = []
    while waiting:
        name = min((name for name, after in waiting.items() if not after & waiting.keys()), default=None)
        if name is None:  # a cycle, which the rules report
            break
        order.append(name)
        del waiting[name]
    return tuple(order)


def tier_of(environment: str) -> str | None:
    """Return the tier that the name of an environment says: it, or its part before the first `-`."""
    stem = environment.split("-")[0]
    return stem if stem in {"local", "preview", "staging", "production"} else None
