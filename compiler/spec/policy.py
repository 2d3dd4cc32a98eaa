"""The environments against each other: production is never looser than staging, in any field of the policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.cluster import DAYS, Approvals, Rollback
from compiler.spec.kinds import DATE, DURATION, milliseconds
from compiler.spec.model import Migrations
from compiler.spec.shown import closest, listed, shown
from compiler.spec.spec import find
from compiler.spec.written import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from compiler.spec.source import Node

TIERS = ("local", "preview", "staging", "production")
_TIMEOUTS = ("lock_timeout", "statement_timeout")


def tier_of(tree: Node) -> str | None:
    """Return the tier that is written, or the one that the name says: the name, or its part before the first `-`."""
    written = text(tree, "tier")
    if written is not None:
        return written if written in TIERS else None
    stem = (text(tree, "environment") or "").split("-")[0]
    return stem if stem in TIERS else None


def tiers(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse an environment whose tier nothing says, and a second local one."""
    local: list[tuple[str, Node]] = []
    for tree in trees.values():
        name, node = text(tree, "environment"), find(tree, "tier") or find(tree, "environment")
        if name is None or node is None:
            continue
        tier = tier_of(tree)
        if tier is None and find(tree, "tier") is None:
            way_out = "add tier: local, preview, staging or production"
            yield Diagnostic(
                "unknown-tier", f"found {shown(name)}, whose name says no tier", node.place, help=way_out
            )
        elif tier == "local":
            local.append((name, node))
    local.sort(key=lambda one: (one[0] != "local", one[0]))
    for name, node in local[1:]:
        yield Diagnostic(
            "second-local",
            f"found {shown(name)} as a second local environment",
            node.place,
            (Note(f"{shown(local[0][0])} is local too", local[0][1].place),),
            "keep one: it owns package.json and .env.example",
        )


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the policy: where it stands, what it is by default, and what makes one value looser than another.

    `order` says the order in words, from loose to strict. `applies` tells whether the field means anything in an
    environment.
    """

    name: str
    default: Any
    order: str
    is_looser: Callable[[Any, Any], bool]
    applies: Callable[[Node], bool] = lambda tree: True

    @property
    def loc(self) -> tuple[str, ...]:
        """Where the field stands in an environment."""
        return tuple(self.name.split("."))

    def value(self, tree: Node) -> Any:
        """Return the field's value in `tree` as it was written, its default where it was not."""
        node = find(tree, *self.loc)
        return self.default if node is None else node.plain()

    def place(self, tree: Node) -> Place:
        """Return where the field was written; for a default the nearest map around it."""
        node, at = find(tree, *self.loc), self.loc
        while node is None and at:
            at = at[:-1]
            node = find(tree, *at) if at else None
        return (node or find(tree, "environment") or tree).place


def _longer(one: Any, other: Any) -> bool:
    """Tell whether a duration is longer than another; 0 is no limit, so the longest of all."""
    if any(not isinstance(value, str) or DURATION.fault(value) for value in (one, other)):
        return False
    first, second = milliseconds(one), milliseconds(other)
    return second > 0 and (first == 0 or first > second)


def _is_endless(value: Any) -> bool:
    return isinstance(value, str) and not DURATION.fault(value) and milliseconds(value) == 0


def _before(*words: str) -> Callable[[Any, Any], bool]:
    """Return what tells whether one of `words`, which go from loose to strict, stands before another."""
    return lambda one, other: one in words and other in words and words.index(one) < words.index(other)


def _fewer(one: Any, other: Any) -> bool:
    return isinstance(one, int) and isinstance(other, int) and one < other


def _outside(one: Any, other: Any) -> bool:
    """Tell whether a window lets in a moment that another does not; without a window every moment is let in."""
    if not isinstance(other, dict) or (one is not None and not isinstance(one, dict)):
        return False
    if one is None or one.get("zone", "UTC") != other.get("zone", "UTC"):
        return True
    days = [set(each.get("days") or ()) & set(DAYS) for each in (one, other)]
    edges = [(str(each.get("from")), str(each.get("until"))) for each in (one, other)]
    return not days[0] <= days[1] or edges[0][0] < edges[1][0] or edges[0][1] > edges[1][1]


def via(tree: Node) -> str | None:
    """Return how the environment is deployed; nothing where it is not."""
    return text(tree, "deploy", "via")


# The lattice: every field of the policy that an output acts on.
FIELDS: tuple[Field, ...] = (
    *(
        Field(f"migrations.{key}", Migrations.model_fields[key].default, "longer < shorter", _longer)
        for key in _TIMEOUTS
    ),
    Field(
        "rollback.code",
        Rollback.model_fields["code"].default,
        "automatic < manual",
        _before("automatic", "manual"),
        lambda tree: via(tree) == "helm",
    ),
    Field(
        "deploy.sync",
        "automated",
        "automated < manual",
        _before("automated", "manual"),
        lambda tree: via(tree) == "argocd",
    ),
    Field(
        "deploy.window",
        None,
        "always < a window < a window inside it",
        _outside,
        lambda tree: bool(via(tree)),
    ),
    Field(
        "approvals.upgrade",
        Approvals.model_fields["upgrade"].default,
        "fewer < more",
        _fewer,
        lambda tree: bool(via(tree)),
    ),
)


def spelt(value: Any) -> str:
    """Return a value of the policy as a message shows it."""
    if isinstance(value, dict):
        days = ", ".join(map(str, value.get("days") or ()))
        return f"{days} {value.get('from')}-{value.get('until')} {value.get('zone', 'UTC')}"
    return "none" if value is None else str(value)


def limits(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a production environment in which a statement waits or runs for ever."""
    for tree in _of_tier(trees, "production"):
        for field in FIELDS:
            value = field.value(tree)
            if field.is_looser is _longer and _is_endless(value):
                yield Diagnostic(
                    "unlimited-timeout",
                    f"found {field.name} {value} for {text(tree, 'environment')}, which is no limit",
                    field.place(tree),
                    help=f"write how long at most, such as {field.default}",
                )


def looser(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a production environment that is looser than a staging one, but for its exceptions; refuse idle ones."""
    staging = list(_of_tier(trees, "staging"))
    for tree in trees.values():
        excepted = exceptions(tree)
        for field in FIELDS:
            found = _looser_than(field, tree, staging) if tier_of(tree) == "production" else None
            if found and field.name in excepted:
                del excepted[field.name]
            elif found:
                yield found
        for name, node in excepted.items():
            yield _idle(name, node)


def _looser_than(field: Field, tree: Node, staging: list[Node]) -> Diagnostic | None:
    value = field.value(tree)
    worse = [
        other
        for other in staging
        if field.applies(tree) and field.applies(other) and field.is_looser(value, field.value(other))
    ]
    if not worse or (field.is_looser is _longer and _is_endless(value)):
        return None
    strictest = worse[0]
    for other in worse[1:]:
        if field.is_looser(field.value(strictest), field.value(other)):
            strictest = other
    name, other_name, least = (
        text(tree, "environment"),
        text(strictest, "environment"),
        spelt(field.value(strictest)),
    )
    amount = "at most " if field.is_looser is _longer else "at least " if field.is_looser is _fewer else ""
    return Diagnostic(
        "looser-policy",
        f"found {field.name} {spelt(value)} for {name}, which is looser than {least} for {other_name}",
        field.place(tree),
        (Note(f"{other_name} has {least}", field.place(strictest)),),
        f"write {amount}{least} for {name}, or loosen {other_name} first; "
        "for a while, an entry in exceptions with a reason and a last day",
    )


def exceptions(tree: Node) -> dict[str, Node]:
    """Return the exceptions of one environment by the field that each is for."""
    node = find(tree, "exceptions")
    listed_nodes = node.value if node and isinstance(node.value, list) else []
    return {name: entry for entry in listed_nodes if (name := text(entry, "field")) is not None}


def _idle(name: str, node: Node) -> Diagnostic:
    known = [field.name for field in FIELDS]
    place = (find(node, "field") or node).place
    if name not in known:
        meant = closest(name, known)
        way_out = f'write "{meant}"' if meant else f"the fields are {listed(known)}"
        return Diagnostic("not-allowed", f"found {shown(name)} as a field of the policy", place, help=way_out)
    return Diagnostic(
        "unused-exception",
        f"found an exception for {name}, in which this environment is not looser than staging",
        place,
        help="remove it",
    )


def expired(tree: Node, today: str) -> Iterator[Diagnostic]:
    """Refuse the exceptions of one environment whose last day is before `today` (YYYY-MM-DD)."""
    for name, node in exceptions(tree).items():
        until = find(node, "until")
        if until and isinstance(until.value, str) and not DATE.fault(until.value) and until.value < today:
            yield Diagnostic(
                "expired-exception",
                f"found an exception for {name} that ended on {until.value}",
                until.place,
                help="make the environment as strict as staging, or agree on a new last day",
            )


def _of_tier(trees: dict[str, Node], tier: str) -> Iterator[Node]:
    return (tree for tree in trees.values() if tier_of(tree) == tier)
