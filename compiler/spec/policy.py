"""The environments against each other: production is never looser than staging, in any field of the policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.cluster import DAYS, Approvals, Window
from compiler.spec.files import environment_of
from compiler.spec.kinds import DATE, DURATION, TIME, ZONE, milliseconds
from compiler.spec.model import Migrations
from compiler.spec.shown import choose, shown
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of, via
from compiler.spec.written import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from compiler.spec.source import Node

_UTC: str = Window.model_fields["zone"].default


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the policy: where it stands, what it is by default, and how its values are ordered.

    `order` says the order in words, from loose to strict, and `bound` what may be written under a value.
    `is_value` tells whether something is a value of the field, `is_within` whether one value is as strict as another
    or stricter, `applies` whether the field means anything in an environment.
    """

    name: str
    default: Any
    order: str
    bound: str
    is_value: Callable[[Any], bool]
    is_within: Callable[[Any, Any], bool]
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

    def is_looser(self, one: Any, other: Any) -> bool:
        """Tell whether one value is looser than another; of two windows neither may be."""
        return self.is_within(other, one) and not self.is_within(one, other)


def _is_duration(value: Any) -> bool:
    return isinstance(value, str) and not DURATION.fault(value)


def _is_endless(value: Any) -> bool:
    return _is_duration(value) and milliseconds(value) == 0


def _at_most(one: str, other: str) -> bool:
    """Tell whether a duration is at most as long as another; 0 is no limit, so the longest of all."""
    return _is_endless(other) or (not _is_endless(one) and milliseconds(one) <= milliseconds(other))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_window(value: Any) -> bool:
    """Tell whether `value` is a window in which there is time; without one there always is."""
    if value is None:
        return True
    if not isinstance(value, dict) or not isinstance(value.get("days"), list) or not value["days"]:
        return False
    edges: list[Any] = [value.get(edge) for edge in ("from", "until")]
    if any(not isinstance(edge, str) or TIME.fault(edge) for edge in edges) or edges[0] >= edges[1]:
        return False
    zone = value.get("zone", _UTC)
    return all(day in DAYS for day in value["days"]) and isinstance(zone, str) and not ZONE.fault(zone)


def _is_inside(one: Any, other: Any) -> bool:
    """Tell whether a window lets in no moment that another does not; two zones are not compared."""
    if one is None or other is None:
        return other is None
    return (
        one.get("zone", _UTC) == other.get("zone", _UTC)
        and set(one["days"]) <= set(other["days"])
        and one["from"] >= other["from"]
        and one["until"] <= other["until"]
    )


def _timeout(key: str) -> Field:
    default = Migrations.model_fields[key].default
    return Field(f"migrations.{key}", default, "longer < shorter", "at most {}", _is_duration, _at_most)


def _choice(name: str, loose: str, strict: str, only: str) -> Field:
    """Return a field of two words that means something with `via: <only>`; the loose word is the default."""
    return Field(
        name,
        loose,
        f"{loose} < {strict}",
        "{}",
        (loose, strict).__contains__,
        lambda one, other: one == strict or other == loose,
        lambda tree: via(tree) == only,
    )


# The lattice: every field of the policy that an output acts on.
FIELDS: tuple[Field, ...] = (
    _timeout("lock_timeout"),
    _timeout("statement_timeout"),
    _choice("rollback.code", "automatic", "manual", only="helm"),
    _choice("deploy.sync", "automated", "manual", only="argocd"),
    Field(
        "deploy.window",
        None,
        "always < a window < a window inside it",
        "a window inside {}",
        _is_window,
        _is_inside,
        lambda tree: bool(via(tree)),
    ),
    Field(
        "approvals.upgrade",
        Approvals.model_fields["upgrade"].default,
        "fewer < more",
        "at least {}",
        _is_count,
        lambda one, other: one >= other,
        lambda tree: bool(via(tree)),
    ),
)
_BY_NAME = {field.name: field for field in FIELDS}


def spelt(value: Any) -> str:
    """Return a value of the policy as a message shows it."""
    if isinstance(value, dict):
        days = ", ".join(map(str, value.get("days") or ()))
        return f"{days} {value.get('from')}-{value.get('until')} {value.get('zone', _UTC)}"
    return "none" if value is None else str(value)


def limits(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a production environment in which a statement waits or runs for ever."""
    for name, tree in _of_tier(trees, "production"):
        for field in FIELDS:
            value = field.value(tree)
            if _is_unlimited(field, value):
                yield Diagnostic(
                    "unlimited-timeout",
                    f"found {field.name} {value} for {name}, which is no limit",
                    field.place(tree),
                    help=f"write how long at most, such as {field.default}",
                )


def _is_unlimited(field: Field, value: Any) -> bool:
    return field.is_value is _is_duration and _is_endless(value)


def looser(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse a production environment that is looser than a staging one, but for its exceptions."""
    staging = list(_of_tier(trees, "staging"))
    for name, tree in _of_tier(trees, "production"):
        excepted = {field for field, _ in exceptions(tree)}
        for field in FIELDS:
            found = None if field.name in excepted else _strictest(field, tree, staging)
            value = field.value(tree)
            if found is None or _is_unlimited(field, value):
                continue
            other_name, other = found
            least = spelt(field.value(other))
            how = "looser than" if field.is_looser(value, field.value(other)) else "not inside"
            yield Diagnostic(
                "looser-policy",
                f"found {field.name} {spelt(value)} for {name}, which is {how} {least} for {other_name}",
                field.place(tree),
                (Note(f"{other_name} has {least}", field.place(other)),),
                f"write {field.bound.format(least)} for {name}, or loosen {other_name} first; "
                "for a while, add an entry to exceptions",
            )


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
        if name not in _BY_NAME:
            yield Diagnostic(
                "not-allowed",
                f"found {shown(name)} as a field of the policy",
                place,
                help=choose("field", name, list(_BY_NAME)),
            )
        elif name in first:
            yield Diagnostic(
                "duplicate-item",
                f"found a second exception for {name}",
                place,
                (Note("the first is here", first[name]),),
                "keep one of them",
            )
        first.setdefault(name, place)


def idle(trees: dict[str, Node]) -> Iterator[Diagnostic]:
    """Refuse exceptions that no environment needs, once nothing else is wrong with the environments."""
    staging = list(_of_tier(trees, "staging"))
    for tree in trees.values():
        for name, node in exceptions(tree):
            field, why = _BY_NAME.get(name), None
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


def _of_tier(trees: dict[str, Node], tier: str) -> Iterator[tuple[str, Node]]:
    return (
        (name, tree)
        for file, tree in trees.items()
        if tier_of(tree) == tier and (name := environment_of(file))
    )
