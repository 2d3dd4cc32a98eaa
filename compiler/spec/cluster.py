"""The grammar of what an environment in a cluster has: where it is deployed, how it is tested, who is told."""

from typing import Literal, get_args

from pydantic import ConfigDict, Field

from compiler.spec.defaults import SchemaRollback
from compiler.spec.kinds import (
    Agreed,
    Arn,
    Branch,
    ClusterName,
    Date,
    GithubSecret,
    Health,
    Identifier,
    KubernetesName,
    Provider,
    Region,
    ResourceGroup,
    Server,
    ServiceAccount,
    ShortText,
    Time,
    Uuid,
    Zone,
)
from compiler.spec.maps import Map

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[str, ...] = get_args(Day)
ACCESS = ("kubeconfig", "aws", "google", "azure")


class Aws(Map):
    """Access to an EKS cluster by OpenID Connect."""

    role: Arn = Field(description="Role that the workflow assumes, `arn:aws:iam::<account>:role/<name>`")
    region: Region = Field(description="Region of the cluster, such as `eu-central-1`")
    name: ClusterName = Field(description="Name of the EKS cluster")


class Google(Map):
    """Access to a GKE cluster by workload identity federation."""

    provider: Provider = Field(description="Workload identity provider, `projects/<number>/locations/…`")
    service_account: ServiceAccount = Field(description="Service account that the workflow becomes")
    location: Region = Field(description="Region or zone of the cluster, such as `europe-west1`")
    name: ClusterName = Field(description="Name of the GKE cluster")


class Azure(Map):
    """Access to an AKS cluster by a federated credential."""

    client: Uuid = Field(description="Client id of the application that the workflow signs in as")
    tenant: Uuid = Field(description="Tenant id of the directory")
    subscription: Uuid = Field(description="Subscription id")
    resource_group: ResourceGroup = Field(description="Resource group of the cluster")
    name: ClusterName = Field(description="Name of the AKS cluster")


class Cluster(Map):
    """How the workflow reaches the cluster: exactly one of these."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    kubeconfig: GithubSecret | None = Field(
        None, description="Name of the GitHub secret that holds a kubeconfig"
    )
    aws: Aws | None = Field(None, description="EKS, by OpenID Connect")
    google: Google | None = Field(None, description="GKE, by workload identity federation")
    azure: Azure | None = Field(None, description="AKS, by a federated credential")


class Argocd(Map):
    """The Argo CD that syncs this environment."""

    namespace: KubernetesName = Field("argocd", description="Namespace in which Argo CD runs")
    server: Server = Field(
        "https://kubernetes.default.svc", description="API server of the target cluster, as Argo CD knows it"
    )


class Window(Map):
    """When deployments may begin."""

    days: tuple[Day, ...] = Field(
        strict=False,
        min_length=1,
        description="Days of the week, such as [mon, tue, wed, thu]",
        json_schema_extra={"uniqueItems": True},
    )
    from_: Time = Field(alias="from", description="First minute, such as 09:00")
    until: Time = Field(description="Last minute on the same day, such as 16:00")
    zone: Zone = Field("UTC", description="Time zone of both, such as Europe/Berlin")


class Deploy(Map):
    """Where and how the environment is deployed."""

    branch: Branch = Field(description="Branch whose commits are deployed")
    via: Literal["helm", "argocd"] = Field(description="Who applies the chart: `helm` in CI, or Argo CD")
    namespace: KubernetesName = Field(description="Namespace of the environment; it exists already")
    build: bool | None = Field(
        None, description="Whether this environment's workflow builds the images; default: not in production"
    )
    cluster: Cluster = Field(description="How the workflow reaches the cluster")
    argocd: Argocd | None = Field(None, description="The Argo CD that syncs it, with `via: argocd`")
    sync: Literal["automated", "manual"] | None = Field(
        None, description="Whether Argo CD syncs by itself, with `via: argocd`; default: automated"
    )
    window: Window | None = Field(
        None, description="When deployments may begin; production's lies in staging's"
    )
    pull_secret_name: KubernetesName | None = Field(
        None, description="Kubernetes Secret with which images are pulled; it exists already"
    )
    database_port: int = Field(
        5432, ge=1, le=65535, description="Port of PostgreSQL, for the network policies"
    )
    ingress_from: tuple[KubernetesName, ...] = Field(
        (),
        strict=False,
        description="Namespaces that may call the services, besides their own",
        json_schema_extra={"uniqueItems": True},
    )


class Promote(Map):
    """Which environment gets the images of this one once its smoke tests are green."""

    to: Identifier = Field(description="The environment that gets them, one with `via: argocd`")
    writer: Literal["app", "person"] = Field(
        "person", description="Who writes the pull request: a GitHub App, or a person by printed commands"
    )


class SmokeTest(Map):
    """One request that must be answered after a deployment."""

    name: ShortText = Field(description="What it tests, for people")
    service: Identifier = Field(description="The service that is asked")
    get: Health = Field(description="Path of the request, such as `/api/health`")
    expect: int = Field(200, ge=100, le=599, description="Status code of the right answer")


class Slack(Map):
    """A channel of Slack."""

    secret: GithubSecret = Field(description="Name of the GitHub secret that holds the webhook's URL")


class Notify(Map):
    """Who is told how a deployment ended."""

    slack: Slack | None = Field(None, description="A channel of Slack")


class Rollback(Map):
    """What may be taken back, and by whom. Production may not be looser than staging."""

    code: Literal["automatic", "manual"] = Field(
        "automatic", description="Whether Helm brings the old release back by itself when a new one fails"
    )
    downgrade_test: bool = Field(
        False, description="Whether a pull request proves that the migrations run up, down and up again"
    )
    schema_: SchemaRollback | None = Field(
        None,
        alias="schema",
        description="Whether a schema may be brought back to an older revision by hand; "
        "default: `downgrade` in a local environment, else `forward-only`",
    )
    max_downgrade_revisions: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="How many revisions may be undone at once, with `schema: downgrade`; default: any number",
    )


class Approvals(Map):
    """How many people approve. Production may not ask for fewer than staging."""

    upgrade: int = Field(
        0, ge=0, le=6, description="Approvals that a pull request into the environment's branch needs"
    )


class PolicyException(Map):
    """A field of the policy in which this environment may be looser than staging, for a while."""

    field: ShortText = Field(description="The field, such as `migrations.lock_timeout`")
    allow: Agreed = Field(
        description="The value that was agreed on, such as `20s`, as `gen policy` shows it; none that is looser"
    )
    reason: ShortText = Field(description="Why")
    until: Date = Field(description="The last day, such as 2026-12-31; `gen lint` finds what expired")
