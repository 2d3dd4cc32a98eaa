"""The whole of `gen lint` on one screen: the compiled tree → the tools → findings → diagnostics at the spec."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import chain
from typing import TYPE_CHECKING

from genlint import expiry
from genlint.consumers import actionlint, compose, helm, kubeconform, yamllint, zizmor
from genlint.documents import emitted
from genlint.tools.find import find_tools
from genlint.tools.model import ToolError
from genlint.trace import trace
from genlint.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from compiler.diagnostics.model import Diagnostic
    from compiler.output.tree import Tree
    from compiler.spec.spec import Spec
    from genlint.documents import Document
    from genlint.finding import Finding
    from genlint.workspace import Workspace

_OBJECTS = re.compile(r"out/[^/]+/argocd/[^/]+\.yaml")
_YAML = re.compile(
    r"out/[^/]+/(compose\.yaml|argocd/[^/]+\.yaml|chart/[^/]+\.yaml)|\.github/workflows/[^/]+\.yml"
)
_WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.yml")
# Whatever lies there reaches the cluster, whoever wrote it.


# Tool → what it is shown.
_UNITS = {
    "helm": "chart",
    "kubeconform": "object",
    "yamllint": "document",
    "compose": "file",
    "actionlint": "workflow",
    "shellcheck": "workflow",
    "zizmor": "workflow",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What the tools say. `error` is set when one of them could not judge; `seen` counts what each was shown."""

    findings: tuple[Diagnostic, ...] = ()
    error: Diagnostic | None = None
    seen: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def summary(self, seconds: float) -> str:
        """`0 findings: helm 4.3.1 (2 charts), … (1.20s)`, always of this shape."""
        shown = ", ".join(
            f"{name} {self.versions[name]} ({_counted(self.seen[name], unit)})"
            for name, unit in _UNITS.items()
        )
        return f"{_counted(len(self.findings), 'finding')}: {shown} ({seconds:.2f}s)"


def judge(
    spec: Spec,
    tree: Tree,
    sources: Mapping[str, str],
    warnings: Iterable[Diagnostic],
    say: Callable[[str], None],
) -> Report:
    """Let every tool judge the compiled `tree`; `warnings` are what the comparison with the disk found."""
    files = {path: file.text for path, file in tree.files.items()}
    try:
        tools = find_tools(say)
        with workspace(files, tools) as space:
            found, seen = _run(space)
    except ToolError as error:
        return Report(error=error.diagnostic)
    diagnostics = {trace(finding, tree, sources) for finding in found}
    diagnostics.update(expiry.check(spec, datetime.now(timezone.utc)))
    diagnostics.update(_strangers(warnings))
    findings = sorted(diagnostics, key=lambda one: (one.place, one.code, one.message))
    return Report(tuple(findings), None, seen, tools.versions)


def _run(space: Workspace) -> tuple[list[Finding], Counter[str]]:
    """Start every tool on what it reads; returns the findings, and how much each tool was shown."""
    charts, compositions = helm.charts(space), compose.files(space)
    workflows = sorted(path for path in space.files if _WORKFLOW.fullmatch(path))
    with ThreadPoolExecutor(max_workers=4) as pool:
        rendering = [pool.submit(helm.render, space, chart) for chart in charts]
        running = [pool.submit(helm.lint, space, chart) for chart in charts]
        running += [pool.submit(compose.check, space, path) for path in compositions]
        running += [pool.submit(actionlint.check, space, workflows)]
        running += [pool.submit(zizmor.check, space, path) for path in workflows]
        found = [finding for one in rendering for finding in one.result()[0]]
        rendered = [document for one in rendering for document in one.result()[1]]
        objects, texts = rendered + _documents(space, _OBJECTS), rendered + _documents(space, _YAML)
        running += [pool.submit(kubeconform.check, space, objects)]
        running += [pool.submit(yamllint.check, space, half) for half in _halves(texts)]
        found += chain.from_iterable(one.result() for one in running)
    seen = Counter(
        actionlint=len(workflows),
        compose=len(compositions),
        helm=len(charts),
        kubeconform=len(objects),
        shellcheck=len(workflows),
        yamllint=len(texts),
        zizmor=len(workflows),
    )
    return found, seen


def _documents(space: Workspace, pattern: re.Pattern[str]) -> list[Document]:
    paths = sorted(path for path in space.files if pattern.fullmatch(path))
    return [document for path in paths for document in emitted(path, space.files[path])]


def _halves(documents: list[Document]) -> tuple[list[Document], list[Document]]:
    """Share out `documents` so that two processors have as much to read: yamllint is the slowest of the tools."""
    by_size = sorted(documents, key=lambda document: len(document.text))
    return by_size[0::2], by_size[1::2]


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _strangers(warnings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return what the comparison says of files that nobody compiled and that a cluster would read all the same."""
    return [warning for warning in warnings if warning.code == "foreign-in-chart"]
