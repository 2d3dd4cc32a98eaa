"""Who is selected by whom in a chart, who may talk to whom, and how pods are replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.verify.chart import service_of
from compiler.verify.document import find, mapping, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.chart import Chart
    from compiler.verify.document import Document
    from compiler.verify.finding import Finding

_LABELS = ("spec", "template", "metadata", "labels")
_ANYWHERE = {"0.0.0.0/0", "::/0"}


def chosen(selector: Any, workload: Document) -> bool:
    """Tell whether a selector of labels (`matchLabels` only) takes the pods of `workload`."""
    labels = find(selector, "matchLabels")
    pods = mapping(workload.at(*_LABELS))
    return isinstance(labels, dict) and all(pods.get(name) == value for name, value in labels.items())


def check(chart: Chart) -> Iterator[Finding]:
    """Check selectors, connections, disruption budgets and rollouts."""
    chooser = _Chooser(chart)
    budgets = {
        name for budget in chart.of("PodDisruptionBudget") for name in chooser.pods(budget, "matchLabels")
    }
    policies = {
        name
        for policy in chart.of("NetworkPolicy")
        if {"Ingress", "Egress"} <= set(map(str, sequence(policy.at("spec", "policyTypes"))))
        for name in chooser.pods(policy, "matchLabels", at="podSelector")
    }
    for workload in chart.workloads:
        if workload.name not in policies:
            yield workload.breaks(
                "network-missing", "found pods without a network policy", "metadata", "name"
            )
        if workload.kind == "Deployment":
            yield from _deployment(workload, workload.name in budgets)
    for service in chart.of("Service"):
        yield from _service(service, chooser)
    for budget in chart.of("PodDisruptionBudget"):
        yield from _budget(budget, chooser)
    migrating = {str(find(service, "name")) for service in chart.migrating}
    for policy in chart.of("NetworkPolicy"):
        pods = [chooser.workloads[name] for name in chooser.pods(policy, "matchLabels", at="podSelector")]
        yield from _needed(policy, any(one.kind == "Job" or service_of(one) in migrating for one in pods))
        yield from _policy(
            policy, any(chosen(policy.at("spec", "podSelector"), job) for job in chart.of("Job"))
        )


class _Chooser:
    """Finds the workloads of a chart by the labels of their pods."""

    def __init__(self, chart: Chart) -> None:
        self.by_label: dict[tuple[str, str], set[str]] = {}
        self.workloads = {workload.name: workload for workload in chart.workloads}
        for workload in chart.workloads:
            for name, value in mapping(workload.at(*_LABELS)).items():
                self.by_label.setdefault((name, str(value)), set()).add(workload.name)

    def pods(self, document: Document, *below: str, at: str = "selector") -> set[str]:
        """Return the names of the workloads whose pods the selector of `document` takes."""
        labels = mapping(document.at("spec", at, *below))
        found = [self.by_label.get((name, str(value)), set()) for name, value in labels.items()]
        return set.intersection(*found) if found else set(self.workloads)


def _deployment(deployment: Document, has_budget: bool) -> Iterator[Finding]:
    if not deployment.at("spec", "selector", "matchLabels") or not chosen(
        deployment.at("spec", "selector"), deployment
    ):
        path = ("spec", "selector", "matchLabels")
        yield deployment.breaks("selectors", "found a Deployment that does not select its own pods", *path)
    if not has_budget:
        yield deployment.breaks("budget", "found a service without a disruption budget", "metadata", "name")
    strategy = mapping(deployment.at("spec", "strategy"))
    if strategy.get("type") != "RollingUpdate" or find(strategy, "rollingUpdate", "maxUnavailable") != 0:
        yield deployment.breaks("rollout", "found pods that go before their successors", "spec", "strategy")


def _service(service: Document, chooser: _Chooser) -> Iterator[Finding]:
    if service.at("spec", "type") != "ClusterIP" or service.at("spec", "externalIPs"):
        yield service.breaks("service-ports", "found a service for the outside", "spec", "type")
    names = chooser.pods(service)
    deployments = [chooser.workloads[name] for name in names]
    if len(deployments) != 1 or deployments[0].kind != "Deployment":
        found = ", ".join(sorted(names)) or "no pods"
        yield service.breaks("selectors", f"found a Service that selects {found}", "spec", "selector")
        return
    listening = {
        str(key)
        for container in sequence(deployments[0].at("spec", "template", "spec", "containers"))
        for port in sequence(find(container, "ports"))
        for key in (find(port, "name"), find(port, "containerPort"))
    }
    for number, port in enumerate(sequence(service.at("spec", "ports"))):
        if find(port, "nodePort") or str(find(port, "targetPort")) not in listening:
            message = f"found the port {find(port, 'targetPort')!r}, at which no pod listens"
            yield service.breaks("service-ports", message, "spec", "ports", number, "targetPort")


def _budget(budget: Document, chooser: _Chooser) -> Iterator[Finding]:
    names = chooser.pods(budget, "matchLabels")
    # A budget for no pods leaves a service without one, which is said there.
    if len(names) > 1 or any(chooser.workloads[name].kind != "Deployment" for name in names):
        message = f"found a disruption budget for {', '.join(sorted(names))}"
        yield budget.breaks("selectors", message, "spec", "selector")
    if budget.at("spec", "minAvailable") is not None or budget.at("spec", "maxUnavailable") != 1:
        yield budget.breaks(
            "budget", "found a budget that is not: one pod at a time", "spec", "maxUnavailable"
        )
    if budget.at("spec", "unhealthyPodEvictionPolicy") != "AlwaysAllow":
        message = "found pods that are not ready and keep a node from being emptied"
        yield budget.breaks("budget", message, "spec", "unhealthyPodEvictionPolicy")


def _policy(policy: Document, is_jobs: bool) -> Iterator[Finding]:
    if not policy.at("spec", "podSelector", "matchLabels"):
        yield policy.breaks("network-open", "found a policy for no pods in particular", "spec", "podSelector")
    ingress, egress = sequence(policy.at("spec", "ingress")), sequence(policy.at("spec", "egress"))
    for number, rule in enumerate(ingress):
        peers = sequence(find(rule, "from"))
        if is_jobs or not peers or not find(rule, "ports") or any(map(_is_anybody, peers)):
            yield policy.breaks("network-open", "found a way in for anybody", "spec", "ingress", number)
    for number, rule in enumerate(egress):
        peers = sequence(find(rule, "to"))
        if not (peers or find(rule, "ports")) or any(map(_is_anybody, peers)):
            yield policy.breaks("network-open", "found a way out to anywhere", "spec", "egress", number)


def _needed(policy: Document, has_database: bool) -> Iterator[Finding]:
    """Check that names are resolved, and that a port besides that is open where there is a database."""
    ports = [
        (find(port, "port"), find(port, "protocol"))
        for rule in sequence(policy.at("spec", "egress"))
        for port in sequence(find(rule, "ports"))
    ]
    if (53, "UDP") not in ports or (53, "TCP") not in ports:
        yield policy.breaks("network-needed", "found no way to resolve names", "spec", "egress")
    elif has_database and len(ports) <= 2:
        yield policy.breaks("network-needed", "found no way to the database", "spec", "egress")


def _is_anybody(peer: Any) -> bool:
    if str(find(peer, "ipBlock", "cidr")) in _ANYWHERE:
        return True
    selectors = [
        mapping(peer)[name] for name in ("podSelector", "namespaceSelector") if name in mapping(peer)
    ]
    return not any(find(one, "matchLabels") for one in selectors) and "ipBlock" not in mapping(peer)
