"""The tree into diagnostics: every output is parsed as its reader would, and held against the rules of its world."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compiler.verify import (
    argocd,
    compose,
    contract,
    deploy,
    job,
    network,
    npm,
    objects,
    pods,
    release,
    steps,
    workflows,
)
from compiler.verify.chart import Chart
from compiler.verify.document import Document, mapping
from compiler.verify.finding import Finding, diagnose
from compiler.verify.text import Reader, UnreadableError, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.diagnostics.model import Diagnostic
    from compiler.output.tree import Tree, TreeFile

_RUNNER = "runner/genmigrate/"
_PACKAGE = "package.json"
_WORKFLOWS = ".github/workflows/"
# What the guide of an environment promises.
_BRANCH = re.compile(r"^## On a merge into `([^`\n]+)`$", re.MULTILINE)
_SYNCS = re.compile(r"^\| Argo CD syncs by itself \| (yes|no) \|$", re.MULTILINE)


def verify(tree: Tree) -> list[Diagnostic]:
    """Return what is wrong with the outputs, by place; with anything in it nothing may be written."""
    verifier = Verifier()
    verifier.add(tree)
    return verifier.diagnostics()


class Verifier:
    """Judges one tree after the other: what was learnt of the shapes of texts serves for all of them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._reader = Reader()
        self._found: set[Diagnostic] = set()

    def add(self, tree: Tree) -> None:
        """Judge `tree`, which holds all of an environment or nothing of it."""
        self._found |= {diagnose(one, tree.files[one.file]) for one in findings(tree, self._reader)}

    def diagnostics(self) -> list[Diagnostic]:
        """Return what is wrong with all of them, by place."""
        return sorted(self._found, key=lambda one: (one.place, one.code, one.message))


def findings(tree: Tree, reader: Reader) -> list[Finding]:
    """Return every rule that an output breaks, at its place in the output.

    An environment after the other is parsed, so that only one is in memory. What only follows from another mistake
    (what cannot be read, what is of no known kind) is not said.
    """
    # By environment ("" for what belongs to none) and path; of an output in its folder, the path within that.
    environments: dict[str, dict[str, TreeFile]] = {}
    for path, file in tree.files.items():
        if path.startswith(("out/", _WORKFLOWS)):
            inside = path.removeprefix(f"out/{file.environment}/")
            environments.setdefault(file.environment, {})[inside] = file
    found = [one for name, files in environments.items() for one in _Environment(name, files, reader).check()]
    if _PACKAGE in tree.files:
        found += npm.check(_PACKAGE, tree.files[_PACKAGE])
    return found


class _Environment:
    """The files of one environment, on their way through the worlds."""

    def __init__(self, name: str, files: dict[str, TreeFile], reader: Reader) -> None:
        self.name, self.files, self.reader = name, files, reader
        self.unreadable: list[Finding] = []
        self.chart = Chart(name)
        self.compose: Document | None = None
        self.workflows: list[Document] = []

    def check(self) -> list[Finding]:
        """Return the findings of the first of these steps that has any."""
        for step in (self._read, self._plan, self._chart, self._rules):
            found = list(step())
            if found:
                return found
        return []

    def _read(self) -> Iterator[Finding]:
        chart = self.chart
        chart.metadata = self._first("chart/Chart.yaml")
        chart.schema = self._first("chart/values.schema.json")
        chart.pins = self._first("chart/images.yaml")
        chart.plan = self._first("plan.json")
        chart.plan_text = self.files["plan.json"].text if chart.plan else ""
        chart.project = self._first("argocd/project.yaml")
        chart.application = self._first("argocd/application.yaml")
        self._first("chart/values.yaml")
        chart.modules = frozenset(
            inside.removeprefix(_RUNNER) for inside in self.files if inside.startswith(_RUNNER)
        )
        for inside, file in self.files.items():
            if inside.startswith("chart/templates/"):
                acting = list(objects.actions(self._path(inside), file.text))
                yield from acting
                for number, body in enumerate([] if acting else self._bodies(inside)):
                    chart.add(self._path(inside), number, body)
        guide = self.files["README.md"].text if "README.md" in self.files else ""
        branch, syncs = _BRANCH.search(guide), _SYNCS.search(guide)
        chart.branch, chart.syncs = branch[1] if branch else "", syncs[1] == "yes" if syncs else None
        self.compose = self._first("compose.yaml")
        found = (self._first(path) for path in self.files if path.startswith(_WORKFLOWS))
        self.workflows = [workflow for workflow in found if workflow]
        yield from self.unreadable

    def _plan(self) -> Iterator[Finding]:
        if self.chart.plan:
            yield from contract.check(self.chart.plan)
            modules = (file for inside, file in self.files.items() if inside.startswith(_RUNNER))
            yield from contract.size(self.chart, sum(len(file.data) for file in modules))

    def _chart(self) -> Iterator[Finding]:
        if self.chart.objects:
            yield from objects.check(self.chart)
            yield from job.exists(self.chart)

    def _rules(self) -> Iterator[Finding]:
        if self.chart.objects:
            for world in (pods, job, release, network):
                yield from world.check(self.chart)
        yield from argocd.check(self.chart)
        if self.compose:
            yield from compose.check(self.compose, self.chart.plan)
        for workflow in self.workflows:
            yield from workflows.check(workflow)
            yield from steps.check(workflow)
            if self.name:
                yield from deploy.check(workflow, self.chart)

    def _path(self, inside: str) -> str:
        return inside if inside.startswith(_WORKFLOWS) else f"out/{self.name}/{inside}"

    def _first(self, inside: str) -> Document | None:
        """Return the only document of a file, if there is such a file and it can be read."""
        if inside not in self.files:
            return None
        bodies = self._bodies(inside)
        name = str(mapping(mapping(bodies[0]).get("metadata")).get("name", "")) if bodies else ""
        return Document(self._path(inside), 0, bodies[0], "", name) if bodies else None

    def _bodies(self, inside: str) -> list[Any]:
        text = self.files[inside].text
        try:
            return [read_json(text)] if inside.endswith(".json") else self.reader.documents(text)
        except UnreadableError as error:
            finding = Finding("readable", f"found {error.why}", self._path(inside), line=error.line)
            self.unreadable.append(finding)
            return []
