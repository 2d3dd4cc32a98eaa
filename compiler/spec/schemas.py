"""The schemas that an environment's services migrate: refuse those that PostgreSQL or each other would not bear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note
from compiler.spec.kinds import (
    IDENTIFIER,
    MANIFEST,
    MAX_SQL_NAME,
    SCHEMA,
    TENANT,
    name_too_long,
    reserved_schema,
)
from compiler.spec.shown import shown
from compiler.spec.spec import find
from compiler.spec.written import items, migrating, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from compiler.spec.source import Node


def schemas(tree: Node) -> Iterator[Diagnostic]:
    """Refuse schemas that are too long, reserved, or migrated by two services; and version tables that two share."""
    tenants = [(name, node) for name, node in items(tree, "tenants") if IDENTIFIER.fault(name) is None]
    by_database: dict[str, list[tuple[str, Node, Node]]] = {}
    for name, service in migrating(tree):
        pattern = find(service, "migrations", "schema")
        if pattern is None or not isinstance(pattern.value, str) or SCHEMA.fault(pattern.value):
            continue
        if TENANT in pattern.value:
            yield from _too_long(pattern.value, pattern, tenants)
            yield from _reserved(pattern.value, pattern, tenants)
            yield from _one_version_table(service)
        yield from _extensions(service, pattern, [name for name, _ in tenants])
        if database := text(service, "database"):
            by_database.setdefault(database, []).append((name, service, pattern))
    for database, services in by_database.items():
        if len(services) > 1:
            yield from _collisions(database, services, [name for name, _ in tenants])


def schema_of(pattern: str, tenant: str) -> str:
    """Return the schema of `tenant`: the pattern with the tenant's name, in which `-` becomes `_`."""
    return pattern.replace(TENANT, tenant.replace("-", "_"))


def _too_long(pattern: str, node: Node, tenants: list[tuple[str, Node]]) -> Iterator[Diagnostic]:
    longest = max(tenants, key=lambda tenant: len(tenant[0]), default=None)
    if longest is None:
        return
    schema = schema_of(pattern, longest[0])
    if len(schema) > MAX_SQL_NAME:
        code, message, way_out = name_too_long(schema, MAX_SQL_NAME, "a PostgreSQL name")
        yield Diagnostic(code, message, node.place, (Note("for this tenant", longest[1].place),), way_out)


def _reserved(pattern: str, node: Node, tenants: list[tuple[str, Node]]) -> Iterator[Diagnostic]:
    prefix = pattern.partition(TENANT)[0]
    if not prefix.startswith("pg_") and not any(
        name.startswith(prefix) for name in ("pg_", "information_schema", "public", MANIFEST)
    ):
        return
    for tenant, at in tenants:
        schema = schema_of(pattern, tenant)
        why = reserved_schema(schema)
        if schema == "public":
            why = "which tenants do not get: it belongs to a service without {tenant}"
        if why:
            yield Diagnostic(
                "reserved-name",
                f"found the schema {shown(schema)}, {why}",
                node.place,
                (Note("for this tenant", at.place),),
                "choose another pattern, or another name for the tenant",
            )


def _one_version_table(service: Node) -> Iterator[Diagnostic]:
    node = find(service, "migrations", "version_table_schema")
    if node is not None:
        yield Diagnostic(
            "shared-version-table",
            "found one version table for the schemas of all tenants",
            node.place,
            (Note("one schema per tenant", (find(service, "migrations", "schema") or node).place),),
            "remove version_table_schema: each schema then keeps its own revision",
        )


def _extensions(service: Node, pattern: Node, tenants: list[str]) -> Iterator[Diagnostic]:
    own = {schema_of(str(pattern.value), tenant) for tenant in tenants} | {str(pattern.value)}
    for name, node in items(service, "migrations", "extension_schemas"):
        if name in own:
            yield Diagnostic(
                "own-schema",
                f"found {shown(name)} as a schema of extensions, which the service migrates itself",
                node.place,
                (Note("it is migrated here", pattern.place),),
                "remove it: a migration finds its own schema first",
            )


def _collisions(
    database: str, services: list[tuple[str, Node, Node]], tenants: Iterable[str]
) -> Iterator[Diagnostic]:
    taken: dict[str, tuple[str, Node]] = {}
    for name, _, node in services:
        pattern = str(node.value)
        own = {schema_of(pattern, tenant) for tenant in tenants} if TENANT in pattern else {pattern}
        both = sorted(own & taken.keys())
        if both:
            other, at = taken[both[0]]
            yield Diagnostic(
                "duplicate-schema",
                f"found the schema {shown(both[0])} of database {shown(database)} in two services",
                node.place,
                (Note(f"{shown(other)} migrates it too", at.place),),
                "give each service a schema or a database of its own",
            )
        taken.update(dict.fromkeys(own - taken.keys(), (name, node)))
    yield from _version_tables(services)


def _version_tables(services: list[tuple[str, Node, Node]]) -> Iterator[Diagnostic]:
    """Two services in one database whose revisions would be kept in one table."""
    taken: dict[tuple[str, str], tuple[str, Node]] = {}
    for name, service, pattern in services:
        separate = find(service, "migrations", "version_table_schema")
        table = text(service, "migrations", "version_table") or "alembic_version"
        key = (text(service, "migrations", "version_table_schema") or str(pattern.value), table)
        if key in taken and separate is not None:
            other, at = taken[key]
            yield Diagnostic(
                "shared-version-table",
                f"found one version table, {shown('.'.join(key))}, for two services",
                separate.place,
                (Note(f"{shown(other)} keeps its revision there too", at.place),),
                "give each its own version_table",
            )
        taken.setdefault(key, (name, separate or pattern))
