"""The grammar of the spec: one environment, its own file merged over what all environments share."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from compiler.spec.kinds import (
    Database,
    Duration,
    FolderPath,
    Health,
    Identifier,
    Image,
    Prefix,
    Registry,
    Schema,
    SqlName,
    Tool,
    Value,
    VariableName,
    Word,
)

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
        ("services", "*", "path"),
        ("services", "*", "run"),
        *(
            ("services", "*", "migrations", key)
            for key in ("schema", "url_env", "after", "config", "version_table", "version_table_schema")
        ),
    }
)
ENVIRONMENT_ONLY: frozenset[tuple[str, ...]] = frozenset({("environment",), ("tier",)})


class _Map(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Npm(_Map):
    """How the scripts in package.json are named."""

    prefix: Prefix = Field("", description="Prefix of every script name, such as `gen:`; empty for none")


class Postgres(_Map):
    """The PostgreSQL server of the environment."""

    version: Version = Field(description="Major version of the server")
    port: int = Field(5432, ge=1024, le=65535, description="Port of the server on a developer's machine")
    image: Image = Field(description="Image of the server, pinned by its digest")


class Migrations(_Map):
    """How migrations behave in this environment. Production may not be looser than staging."""

    lock_timeout: Duration = Field("3s", description="How long a statement waits for a lock, such as `3s`")
    statement_timeout: Duration = Field("15m", description="How long a statement may run, such as `15m`")


class ServiceMigrations(_Map):
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
    version_table_schema: SqlName | None = Field(
        None, description="Schema of the version table where it is not the migrated schema itself"
    )


class Service(_Map):
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
    migrations: ServiceMigrations | None = Field(None, description="How the service migrates its database")


class Environment(_Map):
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
    environment: Identifier = Field(description="Name of the environment, which is the name of its file")
    tier: Tier | None = Field(None, description="What kind of environment it is; default: by its name")
    tenants: tuple[Identifier, ...] = Field(
        strict=False,
        min_length=1,
        description="Tenants of the environment, in the order in which they are migrated",
        json_schema_extra={"uniqueItems": True},
    )
    services: dict[Identifier, Service] = Field(min_length=1, description="The services, by name")
