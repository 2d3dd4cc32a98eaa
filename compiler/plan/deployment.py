"""Where one environment is deployed, from its spec: names, limits, access, pins, each with its places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.plan.leaf import Leaf, derive, unite
from compiler.plan.model import (
    AccessPlan,
    ArgocdPlan,
    AwsPlan,
    AzurePlan,
    DeadlinesPlan,
    DeployPlan,
    GooglePlan,
    Items,
    PinPlan,
    PromotionPlan,
    ServicePlan,
    SmokeTestPlan,
    WindowPlan,
)
from compiler.spec.cluster import DAYS
from compiler.spec.kinds import milliseconds

if TYPE_CHECKING:
    from compiler.plan.read import Reader
    from compiler.spec.cluster import Cluster, Window

# How much longer each limit of the chain is than the runner's, in seconds: the pod's covers pulling images, the Job's
# scheduling too, Helm's the Job's end, the workflow's three waits of Helm's (the hook, the rollout, taking it back) and
# the rest. Argo CD needs some minutes to notice a commit, and the rollout comes after the Job.
_POD_S, _JOB_S, _HELM_S, _REST_S, _SYNC_S = 120, 180, 240, 900, 1200
# GitHub ends a job after six hours, whatever is written.
_GITHUB_MINUTES = 360


def plan_deploy(
    read: Reader, platform: Leaf[str], release: Leaf[str], tier: Leaf[str], services: Items[ServicePlan]
) -> DeployPlan | None:
    """Decide everything about the deployment of one environment; nothing where it is not deployed."""
    model = read.spec.model
    deploy, repository = model.deploy, model.repository
    if deploy is None or repository is None:
        return None
    via = read.leaf(deploy.via, "deploy", "via")
    slack = model.notify.slack
    window = deploy.window
    promotion = _promotion(read)
    registries = tuple({service.registry.host.value: service.registry for service in services}.values())
    return DeployPlan(
        repository=read.leaf(repository, "repository"),
        branch=read.leaf(deploy.branch, "deploy", "branch"),
        namespace=read.leaf(deploy.namespace, "deploy", "namespace"),
        release=release,
        migrations=derive("{}-migrations".format, platform),
        build=_build(read, tier),
        access=_access(read, deploy.cluster),
        helm=derive("helm".__eq__, via),
        argocd=_argocd(read, via, services) if deploy.via == "argocd" else None,
        window=None if window is None else _window(read, window),
        deadlines=_deadlines(read),
        rolls_back=derive("automatic".__eq__, read.leaf(model.rollback.code, "rollback", "code")),
        approvals=read.leaf(model.approvals.upgrade, "approvals", "upgrade"),
        pull_secret=None
        if deploy.pull_secret_name is None
        else read.leaf(deploy.pull_secret_name, "deploy", "pull_secret_name"),
        database_port=read.leaf(deploy.database_port, "deploy", "database_port"),
        ingress_from=read.words(deploy.ingress_from, "deploy", "ingress_from"),
        smoke_tests=_smoke_tests(read, services),
        promotion=promotion,
        by_app=promotion.by_app if promotion else Leaf(False),
        registries=registries,
        needs_passwords=derive(lambda *github: not all(github), *(each.github for each in registries)),
        slack=None if slack is None else read.leaf(slack.secret, "notify", "slack", "secret"),
        origin=read.key("deploy"),
    )


def _build(read: Reader, tier: Leaf[str]) -> Leaf[bool]:
    deploy = read.spec.model.deploy
    if deploy is not None and deploy.build is not None:
        return read.leaf(deploy.build, "deploy", "build")
    return derive("production".__ne__, tier)


def _access(read: Reader, cluster: Cluster) -> AccessPlan:
    def leaf(value: str, *loc: str) -> Leaf[str]:
        return read.leaf(value, "deploy", "cluster", *loc)

    aws, google, azure = cluster.aws, cluster.google, cluster.azure
    return AccessPlan(
        kubeconfig=None if cluster.kubeconfig is None else leaf(cluster.kubeconfig, "kubeconfig"),
        aws=None
        if aws is None
        else AwsPlan(
            role=leaf(aws.role, "aws", "role"),
            region=leaf(aws.region, "aws", "region"),
            name=leaf(aws.name, "aws", "name"),
        ),
        google=None
        if google is None
        else GooglePlan(
            provider=leaf(google.provider, "google", "provider"),
            service_account=leaf(google.service_account, "google", "service_account"),
            location=leaf(google.location, "google", "location"),
            name=leaf(google.name, "google", "name"),
        ),
        azure=None
        if azure is None
        else AzurePlan(
            client=leaf(azure.client, "azure", "client"),
            tenant=leaf(azure.tenant, "azure", "tenant"),
            subscription=leaf(azure.subscription, "azure", "subscription"),
            resource_group=leaf(azure.resource_group, "azure", "resource_group"),
            name=leaf(azure.name, "azure", "name"),
        ),
        origin=read.key("deploy", "cluster"),
    )


def _argocd(read: Reader, via: Leaf[str], services: Items[ServicePlan]) -> ArgocdPlan:
    deploy, pins = read.spec.model.deploy, read.spec.model.images
    assert deploy is not None
    argocd = deploy.argocd
    return ArgocdPlan(
        namespace=read.leaf(argocd.namespace if argocd else "argocd", "deploy", "argocd", "namespace"),
        server=read.leaf(
            argocd.server if argocd else "https://kubernetes.default.svc", "deploy", "argocd", "server"
        ),
        automated=derive(lambda sync: sync != "manual", read.leaf(deploy.sync, "deploy", "sync")),
        pins=Items(
            tuple(
                PinPlan(
                    Leaf(name, read.key("images", name)),
                    read.leaf(pins[name], "images", name),
                    (*service.origin, *read.key("images", name)),
                )
                for name, service in sorted((service.name.value, service) for service in services)
            ),
            services.origin,
        ),
        origin=via.places,
    )


def _window(read: Reader, window: Window) -> WindowPlan:
    at = ("deploy", "window")
    days = read.words(window.days, *at, "days")
    start, end = read.leaf(window.from_, *at, "from"), read.leaf(window.until, *at, "until")
    numbers = derive(lambda *names: sorted(DAYS.index(name) + 1 for name in names), *days)
    return WindowPlan(
        days=derive(lambda found: "".join(map(str, found)), numbers),
        start=derive(lambda time: time.replace(":", ""), start),
        end=derive(lambda time: time.replace(":", ""), end),
        zone=read.leaf(window.zone, *at, "zone"),
        schedule=derive(_schedule, start, numbers),
        duration=derive(lambda first, last: f"{_minutes(last) - _minutes(first)}m", start, end),
        origin=read.key(*at),
    )


def _schedule(start: str, days: list[int]) -> str:
    hours, _, minutes = start.partition(":")
    # Cron counts Sunday as 0.
    return f"{int(minutes)} {int(hours)} * * {','.join(str(day % 7) for day in days)}"


def _minutes(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


def _deadlines(read: Reader) -> DeadlinesPlan:
    written = read.leaf(read.spec.model.migrations.deadline, "migrations", "deadline")
    runner = derive(lambda words: -(-milliseconds(words) // 1000), written)
    return DeadlinesPlan(
        runner_s=runner,
        pod_s=derive(lambda seconds: seconds + _POD_S, runner),
        job_s=derive(lambda seconds: seconds + _JOB_S, runner),
        helm_s=derive(lambda seconds: seconds + _HELM_S, runner),
        serving_s=derive(lambda seconds: seconds + _JOB_S + _SYNC_S, runner),
        workflow_minutes=derive(
            lambda seconds: min(-(-(3 * (seconds + _HELM_S) + _REST_S) // 60), _GITHUB_MINUTES), runner
        ),
    )


def _smoke_tests(read: Reader, services: Items[ServicePlan]) -> tuple[SmokeTestPlan, ...]:
    by_name = {service.name.value: service for service in services}
    found = []
    for number, test in enumerate(read.spec.model.smoke_tests):
        at = ("smoke_tests", number)
        asked, service = read.leaf(test.service, *at, "service"), by_name[test.service]
        found.append(
            SmokeTestPlan(
                name=read.leaf(test.name, *at, "name"),
                object=Leaf(service.object.value, unite(asked, service.object)),
                port=Leaf(service.port.value, unite(asked, service.port)),
                get=read.leaf(test.get, *at, "get"),
                expect=read.leaf(test.expect, *at, "expect"),
                origin=read.leaf(test, *at).places,
            )
        )
    return tuple(found)


def _promotion(read: Reader) -> PromotionPlan | None:
    promote = read.spec.model.promote
    if promote is None:
        return None
    return PromotionPlan(
        to=read.leaf(promote.to, "promote", "to"),
        by_app=derive("app".__eq__, read.leaf(promote.writer, "promote", "writer")),
        origin=read.key("promote"),
    )
