"""The environments against each other: production is never looser than staging, in any field of the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.files import environment_of
from compiler.spec.kinds import DATE
from compiler.spec.lattice import BY_NAME, FIELDS, LIMITS, Field
from compiler.spec.shown import choose, shown
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of, via
from compiler.spec.written import items, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.spec.source import Node


#: More tenants than this are not all migrated at once before one of them has shown that it works.
MOST_WITHOUT_CANARY = 5
_CANARY, _SCHEMA = BY_NAME["migrations.canary"], BY_NAME["rollback.schema"]


def limits(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a production environment in which a statement waits or runs for ever, and a staging one that waits so."""
    for tier, names in (("production", BY_NAME), ("staging", ("migrations.lock_timeout",))):
        for name, tree in _of_tier(trees, tier):
            for field in map(BY_NAME.__getitem__, names):
                value = field.value(tree)
                if field.is_unlimited(value):
                    yield Diagnostic(
                        "unlimited-timeout",
                        f"found {field.name} {value} for {name}, which is no limit",
                        field.place(tree),
                        help=f"write how long at most, such as {field.default}",
                    )


def missing_canary(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a production environment of many tenants in which none goes first."""
    for name, tree in _of_tier(trees, "production"):
        tenants = len(items(tree, "tenants"))
        if tenants > MOST_WITHOUT_CANARY and _CANARY.value(tree) == []:
            yield Diagnostic(
                "missing-canary",
                f"found no canary for {name}, which has {tenants} tenants",
                _CANARY.place(tree),
                help="name a tenant that is migrated before the others, or leave canary out: the first goes first then",
            )


def untested_downgrade(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse that schemas of a deployed environment may be brought back where no pull request has shown it."""
    for tier in ("staging", "production"):
        for name, tree in _of_tier(trees, tier):
            tested = find(tree, "rollback", "downgrade_test")
            if via(tree) and _SCHEMA.value(tree) == "downgrade" and not (tested and tested.plain() is True):
                yield Diagnostic(
                    "untested-downgrade",
                    f"found rollback.schema downgrade for {name}, and no test of a way down",
                    _SCHEMA.place(tree),
                    help="write rollback: {downgrade_test: true} in platform.yaml, "
                    "so that a pull request runs the migrations up, down and up again",
                )


def looser(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a production environment that is looser than a staging one, or than its exception allows."""
    staging = list(_of_tier(trees, "staging"))
    for name, tree in _of_tier(trees, "production"):
        excepted = dict(reversed(exceptions(tree)))
        for field in FIELDS:
            found = _strictest(field, tree, staging)
            if found is None or field.is_unlimited(field.value(tree)):
                continue
            if field.name in excepted:
                yield from _beyond(field, name, tree, excepted[field.name])
            else:
                yield _looser(field, name, tree, *found)


def _looser(field: Field, name: str, tree: Node, other_name: str, other: Node) -> Diagnostic:
    least = field.spelt(field.value(other))
    return Diagnostic(
        "looser-policy",
        f"{_found(field, name, tree, field.value(other))} {least} for {other_name}",
        field.place(tree),
        (Note(f"{other_name} has {least}", field.place(other)),),
        f"write {field.bound.format(least)} for {name}, or loosen {other_name} first; "
        "for a while, add an entry to exceptions",
    )


def _beyond(field: Field, name: str, tree: Node, exception: Node) -> Iterator[Diagnostic]:
    node = find(exception, "allow")
    if node is None or not field.is_value(field.agreed(node)):
        return
    agreed = field.agreed(node)
    if not field.is_within(field.value(tree), agreed):
        most = field.spelt(agreed)
        yield Diagnostic(
            "looser-policy",
            f"{_found(field, name, tree, agreed)} the {most} that its exception allows",
            field.place(tree),
            (Note(f"the exception allows {most}", node.place),),
            f"write {field.bound.format(most)} for {name}, or agree on another value and write that into allow",
        )


def _found(field: Field, name: str, tree: Node, asked: Any) -> str:
    value = field.value(tree)
    how = "looser than" if field.is_looser(value, asked) else "not inside"
    return f"found {field.name} {field.spelt(value)} for {name}, which is {how}"


def _strictest(field: Field, tree: Node, staging: list[tuple[str, Node]]) -> tuple[str, Node] | None:
    """Return the strictest of the staging environments whose value of `field` that of `tree` is not within."""
    value = field.value(tree)
    if not field.applies(tree) or not field.is_value(value):
        return None
    found: tuple[str, Node] | None = None
    for name, other in staging:
        if not field.applies(other) or not field.is_value(asked := field.value(other)):
            continue
        if not field.is_within(value, asked) and (
            found is None or field.is_looser(field.value(found[1]), asked)
        ):
            found = name, other
    return found


def exceptions(tree: Node) -> list[tuple[str, Node]]:
    """Return the exceptions of one environment, each with the field that it is for."""
    node = find(tree, "exceptions")
    listed_nodes = node.value if node and isinstance(node.value, list) else []
    return [(name, entry) for entry in listed_nodes if (name := text(entry, "field")) is not None]


def unknown(tree: Node) -> Iterator[Diagnostic]:
    """Refuse exceptions of one environment for what is no field of the policy, and a second one for a field."""
    first: dict[str, Place] = {}
    for name, node in exceptions(tree):
        place = (find(node, "field") or node).place
        if name not in BY_NAME:
            yield Diagnostic(
                "not-allowed",
                f"found {shown(name)} as a field of the policy",
                place,
                help=choose("field", name, list(BY_NAME)),
            )
        elif name in first:
            yield Diagnostic(
                "duplicate-item",
                f"found a second exception for {name}",
                place,
                (Note("the first is here", first[name]),),
                "keep one of them",
            )
        else:
            yield from _allowed(BY_NAME[name], node)
        first.setdefault(name, place)


def _allowed(field: Field, exception: Node) -> Iterator[Diagnostic]:
    node = find(exception, "allow")
    if node is not None and node.value is not None and not field.is_value(field.agreed(node)):
        yield Diagnostic(
            "not-allowed",
            f"found {shown(node.value)}, which is no value of {field.name}",
            node.place,
            help="write the value that was agreed on, as `gen policy` shows it",
        )


def idle(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse exceptions that no environment needs, once nothing else is wrong with the environments."""
    staging = list(_of_tier(trees, "staging"))
    for tree in trees.values():
        for name, node in exceptions(tree):
            field, why = BY_NAME.get(name), None
            if field is None:
                continue
            if tier_of(tree) != "production":
                why = "but only production is compared with staging"
            elif _strictest(field, tree, staging) is None:
                why = "in which this environment is not looser than staging"
            if why:
                place = (find(node, "field") or node).place
                yield Diagnostic(
                    "unused-exception", f"found an exception for {name}, {why}", place, help="remove it"
                )


def expired(tree: Node, today: str) -> Iterator[Diagnostic]:
    """Refuse the exceptions of one environment whose last day is before `today` (YYYY-MM-DD)."""
    for name, node in exceptions(tree):
        until = find(node, "until")
        if until and isinstance(until.value, str) and not DATE.fault(until.value) and until.value < today:
            yield Diagnostic(
                "expired-exception",
                f"found an exception for {name} that ended on {until.value}",
                until.place,
                help="make the environment as strict as staging and remove it, or agree on a new last day",
            )


def unread(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a limit that no environment reads, since none does what it would limit."""
    for field, switch, word in LIMITS:
        written = [(node, tree) for tree in trees.values() if (node := find(tree, *field.loc))]
        read = {
            node.place
            for node, tree in written
            if field.applies(tree) or not switch.is_value(switch.value(tree)) or tier_of(tree) is None
        }
        for node, _ in written:
            if node.place not in read:
                message = f"found a setting that only `{switch.loc[-1]}: {word}` reads"
                yield Diagnostic(
                    "unused-key", message, node.key_place or node.place, help=f"remove it, or write {word}"
                )


def _of_tier(trees: dict[str, Node], tier: str) -> Iterator[tuple[str, Node]]:
    return (
        (name, tree)
        for file, tree in trees.items()
        if tier_of(tree) == tier and (name := environment_of(file))
    )
