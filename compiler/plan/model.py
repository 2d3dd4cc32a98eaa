"""What will exist in one environment: frozen values, every name and default decided, each with its places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from compiler.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.diagnostics.model import Place
    from compiler.plan.leaf import Leaf

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Items(Generic[T]):
    """A list of the plan; `origin` are the places that decided what is *not* in it (a service switched off)."""

    items: tuple[T, ...]
    origin: tuple[Place, ...] = ()

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class PostgresPlan:
    """The PostgreSQL server that the local environment starts.

    `user` owns every database of the spec; `password_env` names the variable of `.env` that holds its password.
    """

    version: Leaf[int]
    volume: Leaf[str]
    port: Leaf[int]
    image: Leaf[str]
    user: Leaf[str]
    password_env: Leaf[str]


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What the runner's worker sets in its database session, in milliseconds."""

    lock_timeout_ms: Leaf[int]
    statement_timeout_ms: Leaf[int]


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """How the runner treats the schemas; no number is no limit, and 0 of `max_downgrade` that none is taken back.

    What ends in `_words` is the same for people.
    """

    parallelism: Leaf[int]
    canary: Items[Leaf[str]]
    canary_words: Leaf[str]
    max_failed_tenants: Leaf[int | None]
    failed_words: Leaf[str]
    lock_retries: Leaf[int]
    verify: Leaf[str]
    downgrades: Leaf[bool]
    max_downgrade: Leaf[int | None]
    downgrade_words: Leaf[str]


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable with a literal value; `origin` is where its name was written."""

    name: Leaf[str]
    value: Leaf[str]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class MigrationsPlan:
    """How one service's database is migrated; `schema` holds `{tenant}` where there is one schema per tenant.

    `memory` is what the container that migrates it gets at most, in a cluster.
    """

    schema: Leaf[str]
    database: Leaf[str]
    url_env: Leaf[str]
    config: Leaf[str]
    version_table: Leaf[str]
    version_table_schema: Leaf[str] | None
    extension_schemas: tuple[Leaf[str], ...]
    skip_env: Leaf[bool]
    python: tuple[Leaf[str], ...]
    worker: Leaf[str]
    memory: Leaf[str]
    after: tuple[Leaf[str], ...]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class ResourcesPlan:
    """Amounts of CPU, memory and ephemeral storage, as Kubernetes spells them."""

    cpu: Leaf[str]
    memory: Leaf[str]
    storage: Leaf[str]


@dataclass(frozen=True, slots=True)
class RegistryPlan:
    """The server that images lie on: GitHub's own needs no secret, another the two that are named here."""

    host: Leaf[str]
    github: Leaf[bool]
    username: Leaf[str]
    password: Leaf[str]

    @property
    def origin(self) -> tuple[Place, ...]:
        """Where the repository was written that lies there."""
        return self.host.places


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service of one environment; `origin` is where it was declared.

    `object` names its Kubernetes objects, `repository` is where its image lies, on `registry`; `secret` is the
    Kubernetes Secret that holds its secrets and its database's URL.
    """

    name: Leaf[str]
    path: Leaf[str]
    context: Leaf[str]
    port: Leaf[int]
    health: Leaf[str]
    probe: Leaf[str]
    image: Leaf[str]
    run: tuple[Leaf[str], ...]
    dev: tuple[Leaf[str], ...]
    env: tuple[Variable, ...]
    secrets: tuple[Leaf[str], ...]
    migrations: MigrationsPlan | None
    object: Leaf[str]
    repository: Leaf[str]
    registry: RegistryPlan
    replicas: Leaf[int]
    requests: ResourcesPlan
    limits: ResourcesPlan
    egress: tuple[Leaf[int], ...]
    secret: Leaf[str]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class AwsPlan:
    """How a workflow reaches an EKS cluster."""

    role: Leaf[str]
    region: Leaf[str]
    name: Leaf[str]


@dataclass(frozen=True, slots=True)
class GooglePlan:
    """How a workflow reaches a GKE cluster."""

    provider: Leaf[str]
    service_account: Leaf[str]
    location: Leaf[str]
    name: Leaf[str]


@dataclass(frozen=True, slots=True)
class AzurePlan:
    """How a workflow reaches an AKS cluster."""

    client: Leaf[str]
    tenant: Leaf[str]
    subscription: Leaf[str]
    resource_group: Leaf[str]
    name: Leaf[str]


@dataclass(frozen=True, slots=True)
class AccessPlan:
    """How a workflow reaches the cluster: exactly one of these. `origin` is where that was written."""

    kubeconfig: Leaf[str] | None
    aws: AwsPlan | None
    google: GooglePlan | None
    azure: AzurePlan | None
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """When deployments may begin: days as a workflow compares them and, for Argo CD, a schedule and how long it lasts.

    `days` are `date +%u` numbers, 1 to 7, one digit after the other; `start` and `end` are `HHMM`.
    """

    days: Leaf[str]
    start: Leaf[str]
    end: Leaf[str]
    zone: Leaf[str]
    schedule: Leaf[str]
    duration: Leaf[str]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class DeadlinesPlan:
    """The chain of limits, each longer than the one before it: in seconds, the workflow's in minutes.

    `serving_s` is how long a workflow waits until Argo CD has synced and everything serves.
    """

    runner_s: Leaf[int]
    pod_s: Leaf[int]
    job_s: Leaf[int]
    helm_s: Leaf[int]
    serving_s: Leaf[int]
    workflow_minutes: Leaf[int]


@dataclass(frozen=True, slots=True)
class PinPlan:
    """The digest of one service's image; `origin` is its line."""

    service: Leaf[str]
    digest: Leaf[str]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class ArgocdPlan:
    """The Argo CD that syncs an environment; `origin` is what says that one does."""

    namespace: Leaf[str]
    server: Leaf[str]
    automated: Leaf[bool]
    pins: Items[PinPlan]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class SmokeTestPlan:
    """One request that must be answered after a deployment; `object` and `port` are the asked service's."""

    name: Leaf[str]
    object: Leaf[str]
    port: Leaf[int]
    get: Leaf[str]
    expect: Leaf[int]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class PromotionPlan:
    """Which environment gets the images of this one, and who writes the pull request."""

    to: Leaf[str]
    by_app: Leaf[bool]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """Where and how an environment is deployed: `argocd` syncs the chart, or, where there is none, Helm installs it.

    `release` names the Helm release and the Argo CD application; `migrations` the Job and what belongs to it;
    `slack` the GitHub secret of the webhook. `helm` is true where there is no `argocd`. `registries` are those that
    the images lie on, each once, and `needs_passwords` is true where one is not GitHub's; `by_app` tells whether a
    GitHub App writes the pull requests that move digests.
    """

    repository: Leaf[str]
    branch: Leaf[str]
    namespace: Leaf[str]
    release: Leaf[str]
    migrations: Leaf[str]
    build: Leaf[bool]
    access: AccessPlan
    helm: Leaf[bool]
    argocd: ArgocdPlan | None
    window: WindowPlan | None
    deadlines: DeadlinesPlan
    rolls_back: Leaf[bool]
    approvals: Leaf[int]
    pull_secret: Leaf[str] | None
    database_port: Leaf[int]
    ingress_from: tuple[Leaf[str], ...]
    smoke_tests: tuple[SmokeTestPlan, ...]
    promotion: PromotionPlan | None
    by_app: Leaf[bool]
    registries: tuple[RegistryPlan, ...]
    needs_passwords: Leaf[bool]
    slack: Leaf[str] | None
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class SnapshotPlan:
    """What makes a service's snapshot from its migrations: the local environment's plan, and its runner's folder.

    It exists where an environment compares schemas with the snapshot; `origin` says which, and who has the service.
    """

    plan: Leaf[str]
    runner: Leaf[str]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class CheckedServicePlan:
    """One service as a pull request is checked: the same in every environment.

    `scratch` names the database that is there for its checks; where the snapshot is made, that is in another one.
    """

    name: Leaf[str]
    path: Leaf[str]
    repository: Leaf[str]
    run: tuple[Leaf[str], ...]
    lint: tuple[Leaf[str], ...]
    test: tuple[Leaf[str], ...]
    migrations: MigrationsPlan | None
    snapshot: SnapshotPlan | None
    scratch: Leaf[str]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class PlatformPlan:
    """What every environment shares, for what belongs to none: the check of a pull request.

    It exists where `repository` is written; `services` are all of platform.yaml, those switched off too.
    """

    platform: Leaf[str]
    repository: Leaf[str]
    prefix: Leaf[str]
    setup: tuple[Leaf[str], ...]
    tool: Leaf[str]
    tenants_env: Leaf[str]
    postgres_image: Leaf[str]
    downgrade_test: Leaf[bool]
    services: Items[CheckedServicePlan]


@dataclass(frozen=True, slots=True)
class EnvironmentPlan:
    """Everything that the emitters spell for one environment.

    `services` are in the order of migration, then by name; `local` tells whether this environment runs on a laptop
    (and so owns compose, the npm scripts and `.env.example`).
    """

    name: Leaf[str]
    platform: Leaf[str]
    project: Leaf[str]
    local: Leaf[bool]
    tool: Leaf[str]
    script_prefix: Leaf[str]
    tenants: tuple[Leaf[str], ...]
    tenants_env: Leaf[str]
    tenants_value: Leaf[str]
    postgres: PostgresPlan
    session: SessionPlan
    policy: PolicyPlan
    services: Items[ServicePlan]
    driver: Leaf[str]
    workflow_prefix: Leaf[str]
    setup: tuple[Leaf[str], ...]
    deploy: DeployPlan | None

    @property
    def migrating(self) -> Items[ServicePlan]:
        """The services whose databases are migrated, in order."""
        migrating = tuple(service for service in self.services if service.migrations is not None)
        return Items(migrating, self.services.origin)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is emitted together: one environment, or what belongs to none of them.

    `unscripted` is how outputs call this tool, where no environment is local and package.json shall hold no script of
    ours.
    """

    environments: tuple[EnvironmentPlan, ...] = ()
    platform: PlatformPlan | None = None
    unscripted: Leaf[str] | None = None
