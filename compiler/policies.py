"""The environments into the table of their policy: every field of the lattice, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.frozen import dataclass
from compiler.spec.files import PLATFORM, environment_of
from compiler.spec.lattice import BY_NAME, FIELDS
from compiler.spec.load import read_trees
from compiler.spec.merge import merge
from compiler.spec.policy import exceptions
from compiler.spec.spec import find
from compiler.spec.tiers import TIERS, tier_of
from compiler.spec.written import text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from compiler.diagnostics.model import Diagnostic, Place
    from compiler.spec.lattice import Field
    from compiler.spec.source import Node

# Mistakes that a table of the policy helps to mend; with any other the environments are not what they say.
_POLICY = {"looser-policy", "unlimited-timeout", "unused-exception"}
_GAP = "   "


@dataclass(frozen=True, slots=True)
class Cell:
    """What one environment has for one field, and where that was written (nowhere for a default)."""

    value: Any
    spelt: str
    place: Place | None
    applies: bool
    excepted: bool

    def words(self) -> str:
        """Return the cell as the table shows it."""
        if not self.applies:
            return "-"
        return f"{self.spelt}{'' if self.place else ' *'}{' !' if self.excepted else ''}"


@dataclass(frozen=True, slots=True)
class Excepted:
    """A field in which an environment may be looser than staging: how much, and until which day."""

    environment: str
    field: str
    allow: str
    reason: str
    until: str
    place: Place


@dataclass(frozen=True, slots=True)
class Policies:
    """The environments with their tiers, from local to production; the cells of each field; the exceptions."""

    environments: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Field, tuple[Cell, ...]], ...]
    exceptions: tuple[Excepted, ...]


def concerns_policy(mistakes: Iterable[Diagnostic]) -> bool:
    """Tell whether all `mistakes` are those of the policy, for which its table is still right."""
    return all(mistake.code in _POLICY for mistake in mistakes)


def read_policies(root: Path) -> Policies:
    """Read the policy of every environment of the project at `root`, whose mistakes concern the policy at most."""
    trees = read_trees(root)
    platform = trees.pop(PLATFORM)
    merged = {name: merge(platform, tree) for file, tree in trees.items() if (name := environment_of(file))}
    names = sorted(merged, key=lambda name: (TIERS.index(tier_of(merged[name]) or TIERS[0]), name))
    return Policies(
        tuple((name, tier_of(merged[name]) or "") for name in names),
        tuple((field, tuple(_cell(field, merged[name]) for name in names)) for field in FIELDS),
        tuple(one for name in names for one in _exceptions(name, merged[name])),
    )


def _cell(field: Field, tree: Node) -> Cell:
    node = find(tree, *field.loc)
    excepted = field.name in [name for name, _ in exceptions(tree)]
    value = field.value(tree)
    return Cell(value, field.spelt(value), node.place if node else None, field.applies(tree), excepted)


def _exceptions(name: str, tree: Node) -> list[Excepted]:
    return [
        Excepted(
            name,
            field,
            _agreed(field, node),
            text(node, "reason") or "",
            text(node, "until") or "",
            node.place,
        )
        for field, node in exceptions(tree)
    ]


def _agreed(field: str, exception: Node) -> str:
    node = find(exception, "allow")
    return BY_NAME[field].spelt(BY_NAME[field].agreed(node)) if node and field in BY_NAME else ""


def table(policies: Policies) -> str:
    """Return the table as text: a line per field, a column per environment, the exceptions below."""
    head = ["field", *(name for name, _ in policies.environments), "from loose to strict"]
    rows = [[field.name, *(cell.words() for cell in cells), field.order] for field, cells in policies.rows]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        _GAP.join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
    lines += [
        "",
        "* by default   ! may be looser than staging, by an exception   - nothing reads it there",
        "",
    ]
    if policies.exceptions:
        lines += ["exceptions:"]
        lines += [
            f"  {one.environment}: {one.field} {one.allow} until {one.until}: {one.reason} ({one.place})"
            for one in policies.exceptions
        ]
    else:
        lines += ["no exceptions"]
    return "".join(f"{line}\n" for line in lines)


def document(policies: Policies) -> str:
    """Return the same as JSON; a value that is a default has no place."""
    import json  # only this format needs it

    names = [name for name, _ in policies.environments]
    fields = [
        {
            "field": field.name,
            "order": field.order,
            "default": field.default,
            "environments": {
                name: {
                    "value": cell.value if cell.applies else None,
                    "applies": cell.applies,
                    "default": cell.place is None,
                    "place": str(cell.place) if cell.place else None,
                    "exception": cell.excepted,
                }
                for name, cell in zip(names, cells, strict=True)
            },
        }
        for field, cells in policies.rows
    ]
    found = {
        "environments": [{"name": name, "tier": tier} for name, tier in policies.environments],
        "fields": fields,
        "exceptions": [
            {
                "environment": one.environment,
                "field": one.field,
                "allow": one.allow,
                "reason": one.reason,
                "until": one.until,
                "place": str(one.place),
            }
            for one in policies.exceptions
        ],
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"
