"""The whole compiler on one screen: environments → Spec → Plan → outputs → Tree, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.emit.argocd import ARGOCD
from compiler.emit.chart import CHART
from compiler.emit.compose import COMPOSE
from compiler.emit.dev import DEV
from compiler.emit.env_example import ENV_EXAMPLE
from compiler.emit.file import OutputScripts
from compiler.emit.github.approve import APPROVE
from compiler.emit.github.deploy import DEPLOY
from compiler.emit.github.pull_request import PULL_REQUEST
from compiler.emit.npm import NPM
from compiler.emit.readme import README
from compiler.emit.runner import RUNNER
from compiler.output.tree import Tree, collect
from compiler.plan.make import make_plan
from compiler.spec.load import load
from compiler.verify.verify import verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from compiler.emit.file import Emitter, Output
    from compiler.spec.spec import Spec

# The registry: a new kind of output is one more line here and one more module in `emit`.
EMITTERS: tuple[Emitter, ...] = (
    RUNNER,
    DEV,
    COMPOSE,
    NPM,
    ENV_EXAMPLE,
    README,
    CHART,
    ARGOCD,
    PULL_REQUEST,
    DEPLOY,
    APPROVE,
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What `environments/` say. `tree` is None when anything is wrong; `sources` are the texts that were read."""

    spec: Spec | None
    tree: Tree | None
    diagnostics: list[Diagnostic]
    sources: Mapping[str, str] = field(default_factory=dict)


def compile_environments(
    root: Path,
    take: frozenset[str] = frozenset(),
    emitters: tuple[Emitter, ...] = EMITTERS,
    given: Mapping[str, str] | None = None,
) -> Compiled:
    """Compile the environments of the project at `root`; reads files, writes none.

    `take` names scripts and paths of the user's that may become ours; `given` holds texts of spec files that count
    instead of what is on disk.
    """
    spec, diagnostics, sources = load(root, given)
    if spec is None:
        return Compiled(None, None, diagnostics, sources)
    outputs = emit(spec, emitters)
    tree, found = collect(outputs, root, take)
    refused = [*_unknown_takes(take, outputs), *(verify(tree) if tree else ())]
    return Compiled(spec, None if refused else tree, [*diagnostics, *found, *refused], sources)


def _unknown_takes(take: frozenset[str], outputs: list[Output]) -> list[Diagnostic]:
    """Refuse names that are no script, no output and no folder of outputs: whoever wrote them meant something else."""
    scripts = {
        name.text for output in outputs if isinstance(output, OutputScripts) for name, _ in output.scripts
    }
    paths = {output.path for output in outputs}
    return [
        Diagnostic(
            "unknown-take",
            f"found {name!r}, which is no script of ours, no output and no folder of outputs",
            Place("--take", 0, 0),
            help=f"the scripts are {', '.join(sorted(scripts))}; the outputs are those that gen --check names",
        )
        for name in sorted(take)
        if name not in scripts | paths
        and not any(path.startswith(name.removeprefix("./").rstrip("/") + "/") for path in paths)
        and name.removeprefix("./") not in paths
    ]


def emit(spec: Spec, emitters: tuple[Emitter, ...] = EMITTERS) -> list[Output]:
    """Spell `spec` by every emitter."""
    plan = make_plan(spec)
    return [output for emitter in emitters for output in emitter.emit(plan)]
