"""An environment's Argo CD project and application against what they may reach and do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.verify.chart import KINDS
from compiler.verify.document import find, mapping, sequence, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.chart import Chart
    from compiler.verify.document import Document
    from compiler.verify.finding import Finding

_REPOSITORY = re.compile(r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._-]+)+")
# HEAD, a range of versions, a glob: whatever is not one branch.
BRANCH = re.compile(r"(?!HEAD$)[A-Za-z0-9][A-Za-z0-9._/-]*")
_OPTIONS = {"CreateNamespace=false", "PruneLast=true", "FailOnSharedResource=true"}
_AUTOMATED = {"prune": True, "selfHeal": True}
_MOST_TRIES = 10


def check(chart: Chart) -> Iterator[Finding]:
    """Check project and application of an environment; without them there is nothing to check."""
    if chart.project:
        yield from _wildcards(chart.project)
        yield from _allowed(chart.project, chart)
    if chart.application:
        yield from _source(chart.application, chart)
        yield from _sync(chart.application, chart.syncs)
    if chart.project and chart.application:
        yield from _together(chart.project, chart.application, chart)


def _wildcards(project: Document) -> Iterator[Finding]:
    for path, text in strings(project.at("spec"), ("spec",)):
        # Within a project, `*` in its sync window means its own applications; a schedule is full of stars.
        if "*" in text and path[1] not in ("syncWindows", "description"):
            yield project.breaks("argocd-wildcard", f"found {text!r}", *path)
    for key in ("roles", "signatureKeys", "permitOnlyProjectScopedClusters"):
        if key == "roles" and project.at("spec", key):
            yield project.breaks("argocd-roles", "found roles", "spec", key)
    if project.at("spec", "clusterResourceWhitelist") != []:
        path = ("spec", "clusterResourceWhitelist")
        yield project.breaks("argocd-cluster-resources", "found objects of the whole cluster", *path)


def _allowed(project: Document, chart: Chart) -> Iterator[Finding]:
    at = ("spec", "namespaceResourceWhitelist")
    allowed = {(find(kind, "group"), find(kind, "kind")) for kind in sequence(project.at(*at))}
    # A wildcard is a finding of its own.
    if any("*" in str(part) for kind in allowed for part in kind):
        return
    known = {(_group(version), kind) for kind, version in KINDS.items()}
    used = {(_group(str(one.at("apiVersion"))), one.kind) for one in chart.objects}
    for _, kind in sorted(map(_words, allowed - known)):
        yield project.breaks("argocd-kinds", f"found the kind {kind}, which no chart holds", *at)
    for _, kind in sorted(map(_words, (used & known) - allowed)):
        yield project.breaks("argocd-kinds", f"found no {kind}, which the chart holds", *at)


def _words(kind: tuple[object, object]) -> tuple[str, str]:
    return str(kind[0]), str(kind[1])


def _group(version: str) -> str:
    return version.rpartition("/")[0]


def _source(application: Document, chart: Chart) -> Iterator[Finding]:
    at = ("spec", "source")
    source = mapping(application.at(*at))
    repository, revision = str(source.get("repoURL", "")), str(source.get("targetRevision", ""))
    if not _REPOSITORY.fullmatch(repository):
        yield application.breaks("argocd-repository", f"found {repository!r}", *at, "repoURL")
    if not BRANCH.fullmatch(revision):
        yield application.breaks("argocd-revision", f"found {revision!r}", *at, "targetRevision")
    extra = source.keys() - {"repoURL", "targetRevision", "path", "helm"}
    if source.get("path") != f"out/{chart.environment}/chart" or extra or application.at("spec", "sources"):
        yield application.breaks("argocd-path", f"found {source.get('path')!r}", *at, "path")
    helm = mapping(source.get("helm"))
    if helm.get("valueFiles") != ["images.yaml"] or helm.keys() - {"releaseName", "valueFiles"}:
        odd = sorted(helm.keys() - {"releaseName", "valueFiles"})
        where = odd[0] if odd else "valueFiles"
        yield application.breaks("argocd-values", f"found {where}: {helm.get(where)!r}", *at, "helm", where)
    if helm.get("releaseName") != application.name or (chart.objects and chart.release != application.name):
        found = helm.get("releaseName")
        yield application.breaks("argocd-release", f"found the release {found!r}", *at, "helm", "releaseName")


def _sync(application: Document, automated: bool | None) -> Iterator[Finding]:
    at = ("spec", "syncPolicy")
    policy = mapping(application.at(*at))
    if automated is not None and automated != ("automated" in policy):
        word = "a sync by hand" if automated else "an automated sync"
        yield application.breaks("argocd-sync", f"found {word}, which is not the policy", *at, "automated")
    if "automated" in policy and policy["automated"] != _AUTOMATED:
        yield application.breaks("argocd-sync", f"found {policy['automated']}", *at, "automated")
    options = sequence(policy.get("syncOptions"))
    if set(map(str, options)) != _OPTIONS:
        odd = next((number for number, option in enumerate(options) if str(option) not in _OPTIONS), None)
        missing = sorted(_OPTIONS - set(map(str, options)))
        what = options[odd] if odd is not None else f"no {missing[0]}"
        path = (*at, "syncOptions") if odd is None else (*at, "syncOptions", odd)
        yield application.breaks("argocd-sync-options", f"found {what}", *path)
    limit = find(policy, "retry", "limit")
    if not isinstance(limit, int) or not 0 < limit <= _MOST_TRIES:
        yield application.breaks("argocd-retry", f"found the limit {limit!r}", *at, "retry", "limit")
    elif find(policy, "retry", "refresh") is not True:
        message = "found tries that do not take up the commit that mends them"
        yield application.breaks("argocd-retry", message, *at, "retry", "refresh")
    if application.at("metadata", "finalizers"):
        yield application.breaks("argocd-finalizer", "found a finalizer", "metadata", "finalizers")
    if application.at("spec", "ignoreDifferences"):
        yield application.breaks(
            "argocd-differences", "found ignored differences", "spec", "ignoreDifferences"
        )


def _together(project: Document, application: Document, chart: Chart) -> Iterator[Finding]:
    if application.at("spec", "project") != project.name or project.name == "default":
        found = application.at("spec", "project")
        yield application.breaks("argocd-project", f"found the project {found!r}", "spec", "project")
    if application.at("metadata", "namespace") != project.at("metadata", "namespace"):
        yield application.breaks("argocd-project", "found another namespace", "metadata", "namespace")
    sources, repository = project.at("spec", "sourceRepos"), application.at("spec", "source", "repoURL")
    # A wildcard is a finding of its own, and so is what is no repository.
    if sources != [repository] and "*" not in str(sources) and _REPOSITORY.fullmatch(str(repository)):
        yield project.breaks("argocd-project-source", f"found {sources!r}", "spec", "sourceRepos", 0)
    destination, allowed = application.at("spec", "destination"), project.at("spec", "destinations")
    if allowed != [destination] and "*" not in str(allowed):
        odd = "server" if find(allowed, 0, "server") != find(destination, "server") else "namespace"
        message = f"found another than {destination!r}"
        yield project.breaks("argocd-destination", message, "spec", "destinations", 0, odd)
    namespace = find(destination, "namespace")
    if chart.objects and chart.namespace != namespace:
        path = ("spec", "destination", "namespace")
        yield application.breaks(
            "argocd-destination", f"found {namespace!r}, which is not the chart's", *path
        )
