"""What will exist in one environment: frozen values, every name and default decided, each with its places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

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
class Variable:
    """An environment variable with a literal value; `origin` is where its name was written."""

    name: Leaf[str]
    value: Leaf[str]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class MigrationsPlan:
    """How one service's database is migrated; `schema` holds `{tenant}` where there is one schema per tenant."""

    schema: Leaf[str]
    database: Leaf[str]
    url_env: Leaf[str]
    config: Leaf[str]
    version_table: Leaf[str]
    version_table_schema: Leaf[str] | None
    python: tuple[Leaf[str], ...]
    worker: Leaf[str]
    after: tuple[Leaf[str], ...]
    origin: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service of one environment; `origin` is where it was declared."""

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
    origin: tuple[Place, ...]


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
    services: Items[ServicePlan]
    driver: Leaf[str]

    @property
    def migrating(self) -> Items[ServicePlan]:
        """The services whose databases are migrated, in order."""
        migrating = tuple(service for service in self.services if service.migrations is not None)
        return Items(migrating, self.services.origin)


@dataclass(frozen=True, slots=True)
class Plan:
    """All environments, by name."""

    environments: tuple[EnvironmentPlan, ...]
