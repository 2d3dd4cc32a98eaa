"""The lattice: every field of the policy that an output acts on, and how strict each of its values is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.frozen import dataclass
from compiler.spec import defaults
from compiler.spec.cluster import DAYS, Approvals, Window
from compiler.spec.kinds import DURATION, TIME, ZONE, milliseconds
from compiler.spec.model import Migrations
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of, via
from compiler.spec.written import items

if TYPE_CHECKING:
    from collections.abc import Callable

    from compiler.diagnostics.model import Place
    from compiler.spec.source import Node

_UTC: str = Window.model_fields["zone"].default


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the policy: where it stands, what it is by default, and how its values are ordered.

    `order` says the order in words, from loose to strict, and `bound` what may be written under a value.
    `is_value` tells whether something is a value of the field, `is_within` whether one value is as strict as another
    or stricter, `applies` whether the field means anything in an environment. `by_tree` is the default where it depends
    on the environment; `nothing` is the value that says nothing, and the word for it.
    """

    name: str
    default: Any
    order: str
    bound: str
    is_value: Callable[[Any], bool]
    is_within: Callable[[Any, Any], bool]
    applies: Callable[[Node], bool] = lambda tree: True
    by_tree: Callable[[Node], Any] | None = None
    nothing: tuple[Any, str] | None = None

    @property
    def loc(self) -> tuple[str, ...]:
        """Where the field stands in an environment."""
        return tuple(self.name.split("."))

    def value(self, tree: Node) -> Any:
        """Return the field's value in `tree` as it was written, its default where it was not."""
        node = find(tree, *self.loc)
        if node is not None:
            return node.plain()
        return self.by_tree(tree) if self.by_tree else self.default

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

    def is_unlimited(self, value: Any) -> bool:
        """Tell whether `value` is a timeout that never comes."""
        return self.is_value is _is_duration and _is_endless(value)

    def spelt(self, value: Any) -> str:
        """Return a value as a message shows it."""
        if self.nothing and value == self.nothing[0]:
            return self.nothing[1]
        if isinstance(value, dict):
            days = ", ".join(map(str, value.get("days") or ()))
            return f"{days} {value.get('from')}-{value.get('until')} {value.get('zone', _UTC)}"
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    def agreed(self, node: Node) -> Any:
        """Return the value that `allow` at `node` stands for: a value, or the word for the one that says nothing."""
        value = node.plain()
        return self.nothing[0] if self.nothing and value == self.nothing[1] else value


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
    if value.keys() - {"days", "from", "until", "zone"}:
        return False
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


def _choice(
    name: str, loose: str, strict: str, default: str, applies: Callable[[Node], bool], **more: Any
) -> Field:
    """Return a field of two words."""
    return Field(
        name,
        default,
        f"{loose} < {strict}",
        more.pop("bound", "{}"),
        (loose, strict).__contains__,
        lambda one, other: one == strict or other == loose,
        applies,
        **more,
    )


def _most(name: str, least: int, switch: Field, word: str) -> Field:
    """Return a field that limits a number, and is read where `switch` says `word`."""
    return Field(
        name,
        None,
        "more < fewer",
        "at most {}",
        lambda value: value is None or (_is_count(value) and value >= least),
        lambda one, other: other is None or (one is not None and one <= other),
        lambda tree: switch.value(tree) == word,
        nothing=(None, "no limit"),
    )


def _canary(tree: Node) -> list[str]:
    tenants = [name for name, _ in items(tree, "tenants")]
    return tenants[: defaults.canary(tier_of(tree) or "", len(tenants))]


def _is_canary(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(tenant, str) for tenant in value)


_FAILURE = _choice(
    "migrations.on_tenant_failure",
    "continue",
    "stop",
    Migrations.model_fields["on_tenant_failure"].default,
    lambda tree: True,
)
_SCHEMA = _choice(
    "rollback.schema",
    "downgrade",
    "forward-only",
    defaults.schema_rollback("production"),
    lambda tree: True,
    by_tree=lambda tree: defaults.schema_rollback(tier_of(tree) or ""),
)
# Fields that nothing reads unless another one says the word.
LIMITS: tuple[tuple[Field, Field, str], ...] = tuple(
    (_most(name, least, switch, word), switch, word)
    for name, least, switch, word in (
        ("migrations.max_failed_tenants", 0, _FAILURE, "continue"),
        ("rollback.max_downgrade_revisions", 1, _SCHEMA, "downgrade"),
    )
)
# What Helm deploys it deploys by itself, so that it may be compared with what Argo CD does. But Argo CD brings no old
# release back, by itself or otherwise: between the two ways there is no stricter `rollback.code`.
FIELDS: tuple[Field, ...] = (
    _timeout("lock_timeout"),
    _timeout("statement_timeout"),
    _FAILURE,
    LIMITS[0][0],
    _choice(
        "migrations.verify",
        "version",
        "drift",
        Migrations.model_fields["verify"].default,
        lambda tree: True,
    ),
    Field(
        "migrations.canary",
        [],
        "none < one or more",
        "one or more tenants",
        _is_canary,
        lambda one, other: bool(one) or not other,
        lambda tree: len(items(tree, "tenants")) > 1,
        _canary,
        ([], "none"),
    ),
    _SCHEMA,
    LIMITS[1][0],
    _choice("rollback.code", "automatic", "manual", "automatic", lambda tree: via(tree) == "helm"),
    _choice(
        "deploy.sync",
        "automated",
        "manual",
        "automated",
        lambda tree: bool(via(tree)) and (via(tree) == "argocd" or find(tree, "deploy", "sync") is None),
        bound="`sync: {}`, with `via: argocd`,",
    ),
    Field(
        "deploy.window",
        None,
        "always < a window < a window inside it",
        "a window inside {}",
        _is_window,
        _is_inside,
        lambda tree: bool(via(tree)),
        nothing=(None, "none"),
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
BY_NAME = {field.name: field for field in FIELDS}
