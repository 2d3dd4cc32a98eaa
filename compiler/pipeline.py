"""The whole compiler on one screen: environments → Spec → Plan → outputs → Tree, and what is wrong with them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.emit.argocd import ARGOCD
from compiler.emit.chart import CHART
from compiler.emit.compose import COMPOSE
from compiler.emit.dev import DEV
from compiler.emit.env_example import ENV_EXAMPLE
from compiler.emit.github.approve import APPROVE
from compiler.emit.github.deploy import DEPLOY
from compiler.emit.github.pull_request import PULL_REQUEST
from compiler.emit.npm import NPM
from compiler.emit.readme import README
from compiler.emit.runner import RUNNER
from compiler.frozen import dataclass
from compiler.output.compare import Comparer
from compiler.output.tree import Collector, union
from compiler.plan.make import make_plans
from compiler.spec.load import load
from compiler.verify.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from compiler.emit.file import Emitter, Output
    from compiler.output.compare import Comparison
    from compiler.output.tree import Tree
    from compiler.plan.model import Plan
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


@dataclass(frozen=True, slots=True)
class Compared:
    """What `environments/` say, held against the disk. `comparison` is None when anything is wrong with them."""

    comparison: Comparison | None
    diagnostics: list[Diagnostic]
    sources: Mapping[str, str] = field(default_factory=dict)


def compile_environments(
    root: Path, take: frozenset[str] = frozenset(), emitters: tuple[Emitter, ...] = EMITTERS
) -> Compiled:
    """Compile the environments of the project at `root`; reads files, writes none.

    `take` names scripts and paths of the user's that may become ours.
    """
    spec, diagnostics, sources = load(root)
    if spec is None:
        return Compiled(None, None, diagnostics, sources)
    parts: list[Tree] = []
    refused = _by_environment(spec, Collector(root, take), emitters, parts.append)
    return Compiled(spec, None if refused else union(parts), [*diagnostics, *refused], sources)


def compare_environments(
    root: Path,
    take: frozenset[str] = frozenset(),
    emitters: tuple[Emitter, ...] = EMITTERS,
    given: Mapping[str, str] | None = None,
) -> Compared:
    """Compile the environments of the project at `root` and compare them with the disk; reads files, writes none.

    The outputs of one environment are in memory together, never those of all. `given` holds texts of spec files that
    count instead of what is on disk.
    """
    spec, diagnostics, sources = load(root, given)
    if spec is None:
        return Compared(None, diagnostics, sources)
    comparer = Comparer(root, emitters)
    refused = _by_environment(spec, Collector(root, take), emitters, comparer.add)
    return Compared(None if refused else comparer.result(), [*diagnostics, *refused], sources)


def _by_environment(
    spec: Spec, collector: Collector, emitters: tuple[Emitter, ...], use: Callable[[Tree], None]
) -> list[Diagnostic]:
    """Hand the tree of each environment to `use`, and say what is wrong with all of them."""
    verifier = Verifier()
    for plan in make_plans(spec):
        tree = collector.add(emit(plan, emitters))
        verifier.add(tree)
        use(tree)
    collector.check_together()
    return [*collector.diagnostics, *_unknown_takes(collector), *verifier.diagnostics()]


def _unknown_takes(collector: Collector) -> list[Diagnostic]:
    """Refuse names that are no script, no output and no folder of outputs: whoever wrote them meant something else."""
    scripts = ", ".join(sorted(collector.scripts))
    return [
        Diagnostic(
            "unknown-take",
            f"found {name!r}, which is no script of ours, no output and no folder of outputs",
            Place("--take", 0, 0),
            help=f"the scripts are {scripts}; the outputs are those that gen --check names",
        )
        for name in sorted(collector.unknown_takes())
    ]


def emit(plan: Plan, emitters: tuple[Emitter, ...] = EMITTERS) -> list[Output]:
    """Spell `plan` by every emitter."""
    return [output for emitter in emitters for output in emitter.emit(plan)]
