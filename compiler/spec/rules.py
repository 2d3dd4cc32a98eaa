"""The values of one environment, against each other: what is right alone and wrong together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.files import PLATFORM
from compiler.spec.kinds import IDENTIFIER, name_too_long
from compiler.spec.model import VERSIONS
from compiler.spec.order import in_order
from compiler.spec.shown import choose, shown
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of
from compiler.spec.written import enabled_services, entries, items, migrating, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.spec.source import Node

MAX_LABEL = 63
_POSTGRES_PORT = 5432
# What outputs say themselves to a service or to Docker Compose.
_OUR_VARIABLES = {
    "ALEMBIC_SCHEMA",
    "HOST",
    "PATH",
    "PORT",
    "POSTGRES_IMAGE",
    "POSTGRES_PASSWORD",
    "POSTGRES_PORT",
    "PYTHON_IMAGE",
    "PYTHONPATH",
}
# What bash, Docker, libpq, Python and their like read themselves: a `.env` must not hold such a name.
_THEIR_VARIABLES = re.compile(
    r"(?:BASH|BUILDKIT|COMPOSE|DOCKER|DYLD|GIT|LC|LD|NODE|NPM|PIP|PYTHON|SSL|UV)_.*|PG[A-Z]*|PYTHON.*"
    "|BASH|BASHOPTS|ENV|EUID|HOME|IFS|LANG|OPTIND|PPID|PWD|OLDPWD|SHELL|SHELLOPTS|TMPDIR|TZ|UID|USER|_"
)
# The major version in the tag of an official image: `postgres:16.4-alpine@…`.
_TAG = re.compile(r"/?postgres:([0-9]{1,4})\b")
# Names of containers beside the user's, in compose.yaml or in a service's pods; names of scripts beside
# `migrate:<service>`.
_OUR_SERVICES = {"postgres", "migrations", "schema-gate"}
# Roles that PostgreSQL does not let anybody create, besides those that begin with pg_.
_ROLES = {"none", "public"}
_PLAIN = "a plain value"
_OUR_SCRIPTS = {"rollback", "sql", "status", "upgrade"}


def ports(tree: Node) -> Iterator[Diagnostic]:
    """Refuse a port that two services, or a service and PostgreSQL, listen on."""
    postgres = find(tree, "postgres", "port")
    taken: dict[int, tuple[str, Place | None]] = {}
    if postgres is None:
        taken[_POSTGRES_PORT] = ("PostgreSQL, by default,", None)
    elif isinstance(postgres.value, int):
        taken[postgres.value] = ("PostgreSQL", postgres.place)
    written = [(node, name) for name, service in enabled_services(tree) if (node := find(service, "port"))]
    for node, name in sorted(written, key=lambda one: (one[0].place.file != PLATFORM, one[0].place)):
        port = number(node)
        if port is None:
            continue
        if port in taken:
            who, place = taken[port]
            yield Diagnostic(
                "duplicate-port",
                f"found port {port} for {shown(name)}, which is taken",
                node.place,
                (Note(f"{who} listens on {port}", place),),
                "choose a port of its own",
            )
        else:
            taken[port] = (shown(name), node.place)


def server(tree: Node) -> Iterator[Diagnostic]:
    """Refuse an image of another major version than the one that is written, and a server that nobody starts."""
    node, version = find(tree, "postgres", "image"), find(tree, "postgres", "version")
    tag = _TAG.search(node.value) if node and isinstance(node.value, str) else None
    starts_none = tier_of(tree) not in (None, "local")
    if (
        node
        and version
        and tag
        and not starts_none
        and version.value in VERSIONS
        and number(version) != int(tag[1])
    ):
        yield Diagnostic(
            "image-version",
            f"found an image of PostgreSQL {tag[1]}, but version {version.value} is written",
            node.place,
            (Note("the version", version.place),),
            "write the image of that version, or the version of that image",
        )
    for below in entries(tree, "postgres").values():
        place = below.key_place or below.place
        if place.file != PLATFORM and starts_none:
            yield Diagnostic(
                "unused-key",
                "found a setting of PostgreSQL in an environment that starts none",
                place,
                help="remove it: only the local environment starts a PostgreSQL",
            )


def databases(tree: Node) -> Iterator[Diagnostic]:
    """Refuse migrations without a database, and a database that no migrations are for."""
    for name, service in entries(tree, "services").items():
        database, migrations = find(service, "database"), find(service, "migrations")
        if migrations and not database:
            yield Diagnostic(
                "missing-key",
                f'found no "database" in service {shown(name)}, which has migrations',
                service.key_place or service.place,
                (Note("its migrations", migrations.key_place or migrations.place),),
                'add "database": the name of the database that they migrate',
            )
        if database and not migrations:
            yield Diagnostic(
                "unused-database",
                f"found a database of {shown(name)}, which has no migrations",
                database.key_place or database.place,
                help='add "migrations", or remove "database"',
            )


def variables(tree: Node) -> Iterator[Diagnostic]:
    """Refuse a name of an environment variable that means two things; values and secrets may repeat by service."""
    taken: dict[str, tuple[str, Place]] = {}
    for name, kind, place in _variables(tree):
        theirs = kind != _PLAIN and _THEIR_VARIABLES.fullmatch(name)
        if name in _OUR_VARIABLES or theirs:
            who = "other programs read" if theirs else "outputs set themselves"
            yield Diagnostic(
                "reserved-name",
                f"found {shown(name)}, which {who}",
                place,
                help="choose another name",
            )
        elif name in taken and (taken[name][0] != kind or kind.endswith("database")):
            first, at = taken[name]
            yield Diagnostic(
                "duplicate-variable",
                f"found {shown(name)} as {kind}, which is taken",
                place,
                (Note(f"it is {first} here", at),),
                "choose a name of its own",
            )
        taken.setdefault(name, (kind, place))


def _variables(tree: Node) -> Iterator[tuple[str, str, Place]]:
    if (tenants := find(tree, "tenants_env")) and isinstance(tenants.value, str):
        yield tenants.value, "the variable of the tenants", tenants.place
    services = list(enabled_services(tree))
    for _, service in services:
        url = find(service, "migrations", "url_env")
        if url and isinstance(url.value, str):
            yield url.value, "the URL of a database", url.place
    for _, service in services:
        yield from ((secret, "a secret", node.place) for secret, node in items(service, "secrets"))
    for _, service in services:
        for name, node in entries(service, "env").items():
            yield name, _PLAIN, node.key_place or node.place


def names(tree: Node) -> Iterator[Diagnostic]:
    """Refuse names that outputs derive and that are too long or taken."""
    platform = text(tree, "platform") or ""
    role, written = platform.replace("-", "_"), find(tree, "platform")
    if written and not IDENTIFIER.fault(platform) and (role.startswith("pg_") or role in _ROLES):
        yield Diagnostic(
            "reserved-name",
            f"found {shown(platform)}, whose PostgreSQL role would be {shown(role)}, which nobody may have",
            written.place,
            help="choose another name",
        )
    services = entries(tree, "services")
    for name, service in services.items():
        place = service.key_place or service.place
        if IDENTIFIER.fault(name):
            continue
        label = f"{platform}-{name}"
        if len(label) > MAX_LABEL:
            code, message, way_out = name_too_long(label, MAX_LABEL, "a Kubernetes label")
            also = find(tree, "platform")
            notes = (Note("it starts with the platform's name", also.place),) if also else ()
            yield Diagnostic(code, message, place, notes, way_out)
        if why := _taken(name, service, services):
            yield Diagnostic(
                "reserved-name", f"found {shown(name)}, {why}", place, help="choose another name"
            )


def _taken(name: str, service: Node, services: dict[str, Node]) -> str | None:
    if name in _OUR_SERVICES:
        return "which outputs use for a container of their own"
    if name in _OUR_SCRIPTS and find(service, "migrations"):
        return f"whose script would be migrate:{name}, which is taken"
    if name.startswith("migrate-") and (other := name.removeprefix("migrate-")) in services:
        return f"which is the container that migrates {shown(other)}"
    return None


def order(tree: Node) -> Iterator[Diagnostic]:
    """Refuse an `after` that names no service that migrates, and cycles. Reads what all environments share."""
    services = entries(tree, "services")
    after: dict[str, dict[str, Node]] = {}
    for name, service in migrating(tree, also_disabled=True):
        after[name] = dict(items(service, "migrations", "after"))
        for other, node in after[name].items():
            if other not in services:
                yield Diagnostic(
                    "unknown-service",
                    f"found {shown(other)}, which is not a service",
                    node.place,
                    help=choose("service", other, sorted(services)),
                )
            elif find(services[other], "migrations") is None:
                yield Diagnostic(
                    "after-without-migrations",
                    f"found {shown(other)}, which does not migrate",
                    node.place,
                    (Note(f"{shown(other)} has no migrations", services[other].key_place),),
                    "remove it: only migrations are put in order",
                )
    for cycle in in_order({name: others.keys() for name, others in after.items()})[1]:
        yield _cycle(cycle, after)


def _cycle(cycle: list[str], after: dict[str, dict[str, Node]]) -> Diagnostic:
    edges = list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    places = [after[name][other].place for name, other in edges]
    notes = tuple(
        Note(f"{shown(name)} comes after {shown(other)}", place)
        for (name, other), place in zip(edges, places, strict=True)
    )
    path = " after ".join(f'"{name}"' for name in [*cycle, cycle[0]])
    if len(cycle) == 1:
        return Diagnostic("cycle", f"found {path}", places[0], help="remove it")
    return Diagnostic("cycle", f"found {path}", places[0], notes[1:], "remove one of these lines")


def disabled(tree: Node) -> Iterator[Diagnostic]:
    """Refuse an `after` that names a service which is switched off in this environment."""
    services = entries(tree, "services")
    for name, service in migrating(tree):
        for other, node in items(service, "migrations", "after"):
            switch = find(services[other], "enabled") if other in services else None
            if switch is not None and switch.value is False:
                yield Diagnostic(
                    "after-disabled",
                    f"found {shown(other)} switched off, which {shown(name)} comes after",
                    switch.place,
                    (Note(f"{shown(name)} comes after it here", node.place),),
                    f"switch {shown(name)} off too, or remove it from its after",
                )
