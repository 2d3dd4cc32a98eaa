"""The grammar of the spec: one environment, its own file merged over what all environments share."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from compiler.spec.cluster import (
    Approvals,
    Deploy,
    Notify,
    PolicyException,
    Promote,
    Rollback,
    SmokeTest,
)
from compiler.spec.kinds import (
    Bytes,
    Cpu,
    Database,
    Digest,
    Duration,
    FolderPath,
    Health,
    Identifier,
    Image,
    KubernetesName,
    Prefix,
    Registry,
    Repository,
    Schema,
    SchemaName,
    SqlName,
    Tool,
    Value,
    VariableName,
    Word,
)
from compiler.spec.maps import Map

Version = Literal[15, 16, 17, 18]
VERSIONS: tuple[int, ...] = get_args(Version)
Tier = Literal["local", "preview", "staging", "production"]

# Which file may say what; `*` stands for the name of a service.
PLATFORM_ONLY: frozenset[tuple[str, ...]] = frozenset(
    {
        ("platform",),
        ("registry",),
        ("tool",),
        ("npm",),
        ("tenants_env",),
        ("repository",),
        ("workflows",),
        ("rollback", "downgrade_test"),
        ("postgres", "version"),
        ("postgres", "image"),
        *(("services", "*", key) for key in ("path", "run", "lint", "test")),
        *(
            ("services", "*", "migrations", key)
            for key in (
                "schema",
                "url_env",
                "after",
                "config",
                "version_table",
                "version_table_schema",
                "extension_schemas",
                "skip_env",
            )
        ),
    }
)
ENVIRONMENT_ONLY: frozenset[tuple[str, ...]] = frozenset(
    (key,) for key in ("environment", "tier", "deploy", "promote", "smoke_tests", "approvals", "exceptions")
)
# What environments/<name>.images.yaml holds, and no other file.
PINS: tuple[str, ...] = ("images",)


class Npm(Map):
    """How the scripts in package.json are named."""

    prefix: Prefix = Field("", description="Prefix of every script name, such as `gen:`; empty for none")


class Workflows(Map):
    """The GitHub workflows."""

    prefix: Identifier | None = Field(
        None, description="First part of the workflows' file names; default: the platform's name"
    )
    setup: tuple[Word, ...] = Field(
        (),
        strict=False,
        description="Command that makes `tool` usable in a fresh clone, such as [make, setup]",
    )


class Postgres(Map):
    """The PostgreSQL server of the environment."""

    version: Version = Field(description="Major version of the server")
    port: int = Field(5432, ge=1024, le=65535, description="Port of the server on a developer's machine")
    image: Image = Field(description="Image of the server, pinned by its digest")


class Migrations(Map):
    """How migrations behave in this environment. Production may not be looser than staging."""

    lock_timeout: Duration = Field("3s", description="How long a statement waits for a lock, such as `3s`")
    statement_timeout: Duration = Field("15m", description="How long a statement may run, such as `15m`")
    deadline: Duration = Field(
        "30m", description="How long a whole run may take; the Job's, Helm's and the workflow's limits follow"
    )
    parallelism: int | None = Field(
        None,
        ge=1,
        le=32,
        description="How many schemas of a service are migrated at once; default: 1 in a local environment, else 4",
    )
    canary: tuple[Identifier, ...] | None = Field(
        None,
        strict=False,
        description="Tenants that are migrated before the others, which wait until these are through; "
        "default: in production the first of several tenants, else none",
        json_schema_extra={"uniqueItems": True},
    )
    on_tenant_failure: Literal["stop", "continue"] = Field(
        "stop", description="Whether the other tenants are still migrated when one fails"
    )
    max_failed_tenants: int | None = Field(
        None,
        ge=0,
        le=20_000,
        description="After how many failed tenants no other is begun, with `on_tenant_failure: continue`; "
        "default: no limit",
    )
    lock_retries: int | None = Field(
        None,
        ge=0,
        le=100,
        description="How often a schema is tried again whose lock did not come in time; "
        "default: 1 in a local environment, else 10",
    )
    verify: Literal["version", "drift"] = Field(
        "version",
        description="What is compared after a migration: the revision, or also the schema with what it should be",
    )


class ServiceMigrations(Map):
    """How a service migrates its own database."""

    schema_: Schema = Field(
        alias="schema",
        description="The schema: a fixed name, or one per tenant with `{tenant}`, such as `auth_{tenant}`",
    )
    url_env: VariableName = Field(description="Environment variable that carries the URL of the database")
    after: tuple[Identifier, ...] = Field(
        (),
        strict=False,
        description="Services whose migrations run before this one's",
        json_schema_extra={"uniqueItems": True},
    )
    config: FolderPath = Field(
        "alembic.ini", description="Alembic's configuration file, relative to the service's folder"
    )
    version_table: SqlName = Field("alembic_version", description="Table in which Alembic keeps the revision")
    version_table_schema: SchemaName | None = Field(
        None, description="Schema of the version table where it is not the migrated schema itself"
    )
    extension_schemas: tuple[SchemaName, ...] = Field(
        (),
        strict=False,
        max_length=20,
        description="Schemas of extensions that migrations find beside their own, such as [public]",
        json_schema_extra={"uniqueItems": True},
    )
    skip_env: bool = Field(
        False,
        description="Whether the runner applies revisions without running env.py: "
        "only for an env.py that does nothing but connect",
    )


class Requests(Map):
    """What a container of the service is sure to get."""

    cpu: Cpu = Field("100m", description="CPU, such as 100m")
    memory: Bytes = Field("256Mi", description="Memory, such as 256Mi")
    storage: Bytes = Field("64Mi", alias="ephemeral-storage", description="Disk, such as 64Mi")


class Limits(Map):
    """What a container of the service gets at most."""

    cpu: Cpu = Field("1", description='CPU, such as "1"')
    memory: Bytes = Field("512Mi", description="Memory, such as 512Mi")
    storage: Bytes = Field("256Mi", alias="ephemeral-storage", description="Disk, such as 256Mi")


class Resources(Map):
    """What a container of the service gets in a cluster."""

    requests: Requests = Field(Requests(), description="What it is sure to get")
    limits: Limits = Field(Limits(), description="What it gets at most")


class Service(Map):
    """One service of the platform."""

    path: FolderPath = Field(
        description="Folder of the service, relative to the repository, such as `python_apps/auth_api`"
    )
    port: int = Field(ge=1024, le=65535, description="Port that the service listens on")
    health: Health = Field(
        description="Path that answers 200 when the service is healthy, such as `/api/health`"
    )
    database: Database | None = Field(
        None, description="Database that the service migrates; needs `migrations`"
    )
    run: tuple[Word, ...] | None = Field(
        None,
        strict=False,
        min_length=1,
        description="Command that runs a program in the service's environment, from the repository's root; "
        "default: uv run --frozen --project <path>",
    )
    dev: tuple[Word, ...] = Field(
        strict=False,
        min_length=1,
        description="Command that starts the service in development, in its folder, "
        "such as [python, -m, auth_api, --reload]",
    )
    env: dict[VariableName, Value] = Field(
        {}, description="Environment variables of the service; never a secret"
    )
    secrets: tuple[VariableName, ...] = Field(
        (),
        strict=False,
        description="Names of the variables that carry secrets; their values stay in .env",
        json_schema_extra={"uniqueItems": True},
    )
    enabled: bool = Field(True, description="false switches the service off")
    lint: tuple[Word, ...] = Field(
        (), strict=False, description="Command that lints the service in CI, run in its folder"
    )
    test: tuple[Word, ...] = Field(
        (), strict=False, description="Command that tests the service in CI, run in its folder"
    )
    image: Registry | None = Field(
        None, description="Image repository without tag and digest; default: <registry>/<service>"
    )
    replicas: int = Field(2, ge=1, le=100, description="Pods of the service in a cluster")
    resources: Resources = Field(Resources(), description="What a container of the service gets in a cluster")
    egress: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        (),
        strict=False,
        description="TCP ports that the service may call in a cluster, besides its database's",
        json_schema_extra={"uniqueItems": True},
    )
    secret_name: KubernetesName | None = Field(
        None,
        description="Kubernetes Secret that holds the service's secrets and database URL; "
        "default: <platform>-<service>",
    )
    migrations: ServiceMigrations | None = Field(None, description="How the service migrates its database")


class Environment(Map):
    """One environment of the platform."""

    platform: Identifier = Field(description="Name of the platform")
    registry: Registry = Field(
        description="Image repository prefix, such as `ghcr.io/acme/shop`, without scheme and tag"
    )
    tool: Tool = Field("gen", description="How outputs call this tool, such as `bin/gen` or `uv run gen`")
    npm: Npm = Field(Npm(), description="How the scripts in package.json are named")
    tenants_env: VariableName = Field(
        description="Environment variable that carries the tenants, separated by commas"
    )
    postgres: Postgres = Field(description="The PostgreSQL server")
    migrations: Migrations = Field(Migrations(), description="How migrations behave")
    repository: Repository | None = Field(
        None, description="Repository that Argo CD reads, such as `https://github.com/acme/shop`"
    )
    workflows: Workflows = Field(Workflows(), description="The GitHub workflows")
    rollback: Rollback = Field(Rollback(), description="What happens when a deployment fails")
    notify: Notify = Field(Notify(), description="Who is told how a deployment ended")
    environment: Identifier = Field(description="Name of the environment, which is the name of its file")
    tier: Tier | None = Field(None, description="What kind of environment it is; default: by its name")
    tenants: tuple[Identifier, ...] = Field(
        strict=False,
        min_length=1,
        description="Tenants of the environment, in the order in which they are migrated",
        json_schema_extra={"uniqueItems": True},
    )
    services: dict[Identifier, Service] = Field(min_length=1, description="The services, by name")
    deploy: Deploy | None = Field(None, description="Where and how the environment is deployed")
    promote: Promote | None = Field(None, description="Which environment gets these images next")
    smoke_tests: tuple[SmokeTest, ...] = Field(
        (), strict=False, description="Requests that must be answered after a deployment"
    )
    approvals: Approvals = Field(Approvals(), description="How many people approve")
    exceptions: tuple[PolicyException, ...] = Field(
        (), strict=False, description="Where this environment may be looser than staging, for a while"
    )
    images: dict[Identifier, Digest] = Field(
        {}, description="Digests of the services' images; only in environments/<name>.images.yaml"
    )
