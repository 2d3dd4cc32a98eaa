"""What pydantic refuses, into diagnostics in our own words at the place of the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.diagnostics.model import Diagnostic, Place
from compiler.spec.files import PLATFORM
from compiler.spec.model import (
    ENVIRONMENT_ONLY,
    PLATFORM_ONLY,
    Environment,
    Migrations,
    Npm,
    Postgres,
    Service,
    ServiceMigrations,
)
from compiler.spec.shown import closest, listed, shown
from compiler.spec.spec import find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel, ValidationError

    from compiler.spec.source import Node

Loc = tuple[str | int, ...]

# The maps of the grammar: how a message calls them, and their model.
_MAPS: dict[Loc, tuple[str, type[BaseModel]]] = {
    (): ("an environment", Environment),
    ("npm",): ('"npm"', Npm),
    ("postgres",): ('"postgres"', Postgres),
    ("migrations",): ('"migrations"', Migrations),
    ("services", "*"): ("a service", Service),
    ("services", "*", "migrations"): ('"migrations" of a service', ServiceMigrations),
}
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a map",
    "model_type": "a map",
    "tuple_type": "a list",
    "list_type": "a list",
}
_TRUTH = {
    "yes": True,
    "on": True,
    "y": True,
    "true": True,
    "no": False,
    "off": False,
    "n": False,
    "false": False,
}


def pattern(loc: Loc) -> Loc:
    """Return `loc` with `*` for the name of a service."""
    return (loc[0], "*", *loc[2:]) if len(loc) > 1 and loc[0] == "services" else loc


def faults_of(
    error: ValidationError, tree: Node, file: str, required: Iterable[Loc] | None = None
) -> list[Diagnostic]:
    """Turn every error pydantic found in `tree`, which `file` completed, into a diagnostic.

    Of the keys that are missing only those `required` count, `None` for all.
    """
    errors = (
        one
        for one in error.errors(include_url=False)
        if one["type"] != "missing" or required is None or pattern(one["loc"]) in required
    )
    # Items that are refused do not count, so that a list of them is "too short" as well: once is enough.
    return [
        _fault(one, tree, file)
        for one in errors
        if one["type"] != "too_short" or not (find(tree, *one["loc"]) or tree).value
    ]


def _fault(error: Any, tree: Node, file: str) -> Diagnostic:
    kind: str = error["type"]
    loc: Loc = error["loc"]
    if kind == "missing":
        return _missing(loc, tree, file)
    if loc and loc[-1] == "[key]":
        loc, is_key = loc[:-1], True
    else:
        is_key = False
    node = find(tree, *loc) or tree
    place = (is_key and node.key_place) or node.place
    if kind == "extra_forbidden":
        return _unknown(loc, node)
    if kind in _EXPECTED:
        return _wrong_type(_EXPECTED[kind], node)
    if kind == "literal_error":
        return _not_allowed(loc, node)
    if kind in {"greater_than_equal", "less_than_equal"}:
        return Diagnostic(
            "out-of-range",
            f"found {shown(node.value)} as a port",
            place,
            help="write a port from 1024 to 65535",
        )
    if kind == "too_short":
        what = "no services" if loc == ("services",) else "an empty list"
        return Diagnostic(
            "empty-list", f"found {what} for {shown(loc[-1])}", place, help="write at least one item"
        )
    ctx = error.get("ctx", {})
    if "help" in ctx:
        return Diagnostic(kind, ctx["message"], place, help=ctx["help"])
    return Diagnostic("wrong-type", f"found {shown(node.value)}, which does not fit here", place, help=kind)


def _missing(loc: Loc, tree: Node, file: str) -> Diagnostic:
    key = str(loc[-1])
    owner, model = _MAPS[pattern(loc[:-1])]
    if len(loc) == 1:
        place = Place(
            PLATFORM if pattern(loc) in PLATFORM_ONLY or key in {"services", "postgres"} else file, 0, 0
        )
    else:
        above = find(tree, *loc[:-1]) or tree
        place = above.key_place or above.place
        owner = f"service {shown(loc[1])}" if len(loc) == 3 else owner
    return Diagnostic(
        "missing-key", f"found no {shown(key)} in {owner}", place, help=f'add "{key}": {_hover(model, key)}'
    )


def _unknown(loc: Loc, node: Node) -> Diagnostic:
    key = str(loc[-1])
    owner, model = _MAPS[pattern(loc[:-1])]
    place = node.key_place or node.place
    ours = PLATFORM_ONLY if place.file != PLATFORM else ENVIRONMENT_ONLY
    allowed = [name for name in keys(model) if pattern((*loc[:-1], name)) not in ours]
    meant = closest(key, allowed)
    way_out = f'write "{meant}"' if meant else f"allowed here: {listed(allowed)}"
    return Diagnostic("unknown-key", f"found {shown(key)}, which {owner} does not have", place, help=way_out)


def _wrong_type(expected: str, node: Node) -> Diagnostic:
    value = node.value
    if value is None:
        return empty(node)
    way_out = 'write entries, each "key: value"' if expected == "a map" else f"write {expected}"
    if expected == "text" and isinstance(value, (int, bool)):
        way_out = f'quote it: "{str(value).lower()}"'
    elif expected == "a whole number" and isinstance(value, str) and value.isascii() and value.isdecimal():
        way_out = f"write {int(value[:18])}"
    elif expected == "true or false" and isinstance(value, str) and value.casefold() in _TRUTH:
        way_out = f"write {shown(_TRUTH[value.casefold()])}"
    elif expected == "a list" and isinstance(value, str) and value.isprintable() and len(value) < 60:
        way_out = f"write [{', '.join(value.split())}]"
    return Diagnostic(
        "wrong-type", f"found {shown(value)} where {expected} is needed", node.place, help=way_out
    )


def empty(node: Node) -> Diagnostic:
    """Refuse a key or an item without a value."""
    return Diagnostic(
        "empty-value",
        "found nothing where a value is needed",
        node.place,
        help="write a value, or remove the key",
    )


def _not_allowed(loc: Loc, node: Node) -> Diagnostic:
    _, model = _MAPS[pattern(loc[:-1])]
    allowed = [str(word) for word in _choices(model, str(loc[-1]))]
    if node.value is None:
        return empty(node)
    meant = closest(str(node.value), allowed)
    return Diagnostic(
        "not-allowed",
        f"found {shown(node.value)} for {shown(loc[-1])}",
        node.place,
        help=f"write {meant}" if meant else f"write {listed(allowed, 'or')}",
    )


def _choices(model: type[BaseModel], key: str) -> tuple[Any, ...]:
    from typing import get_args

    annotation = model.model_fields[key].annotation
    words: tuple[Any, ...] = get_args(annotation)
    return tuple(
        word for choice in words if choice is not type(None) for word in (get_args(choice) or (choice,))
    )


def keys(model: type[BaseModel]) -> list[str]:
    """Return the keys of a map of the grammar as the user writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _hover(model: type[BaseModel], key: str) -> str:
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            text = field.description or ""
            return text[:1].lower() + text[1:]
    return ""
