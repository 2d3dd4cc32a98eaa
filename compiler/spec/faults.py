"""What pydantic refuses, into diagnostics in our own words at the place of the value."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from compiler.diagnostics.model import Diagnostic, Place
from compiler.spec.files import PLATFORM
from compiler.spec.maps import Map
from compiler.spec.model import ENVIRONMENT_ONLY, PINS, PLATFORM_ONLY, Environment
from compiler.spec.shown import closest, listed, shown
from compiler.spec.spec import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo

    from compiler.spec.source import Node

Loc = tuple[str | int, ...]


def _maps(model: type[Map], loc: Loc, owner: str) -> Iterator[tuple[Loc, tuple[str, type[Map]]]]:
    """Yield every map of the grammar below `model`: its location, how a message calls it, and its model."""
    yield loc, (owner, model)
    for name, field in model.model_fields.items():
        key = field.alias or name
        of = f" of {owner}" if loc else ""
        for kind, below in _models(field.annotation):
            if kind == "map":
                yield from _maps(below, (*loc, key), f'"{key}"{of}')
            else:
                item = "a service" if key == "services" else f'an item of "{key}"{of}'
                yield from _maps(below, (*loc, key, "*"), item)


def _models(annotation: Any, kind: str = "map") -> Iterator[tuple[str, type[Map]]]:
    if isinstance(annotation, type) and issubclass(annotation, Map):
        yield kind, annotation
    elif get_origin(annotation) is not Literal:
        inside = kind if isinstance(annotation, UnionType) else "item"
        for below in get_args(annotation):
            yield from _models(below, inside)


_MAPS: dict[Loc, tuple[str, type[Map]]] = dict(_maps(Environment, (), "an environment"))
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
    """Return `loc` with `*` for the name of a service and for the number of an item."""
    named = 1 if loc[:1] == ("services",) else None
    return tuple(
        "*" if at == named or isinstance(step, int) or step == "" else step for at, step in enumerate(loc)
    )


def faults_of(
    error: ValidationError, tree: Node, file: str, required: Iterable[Loc] | None = None
) -> list[Diagnostic]:
    """Turn every error pydantic found in `tree`, which `file` completed, into a diagnostic.

    Of the keys that are missing only those `required` count, `None` for all; not one that is there, misspelt.
    """
    found = error.errors(include_url=False)
    misspelt = {
        (*one["loc"][:-1], _meant(one["loc"], find(tree, *one["loc"]) or tree))
        for one in found
        if one["type"] == "extra_forbidden"
    }
    errors = (
        one
        for one in found
        if one["type"] != "missing"
        or ((required is None or pattern(one["loc"]) in required) and one["loc"] not in misspelt)
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
        return _wrong_type(_EXPECTED[kind], loc, node)
    if kind == "literal_error":
        return _not_allowed(loc, node)
    if kind in {"greater_than_equal", "less_than_equal"}:
        return _out_of_range(loc, node)
    if kind == "too_short":
        what = "no services" if loc == ("services",) else "an empty list"
        return Diagnostic(
            "empty-list", f"found {what} for {shown(loc[-1])}", place, help="write at least one item"
        )
    ctx = error.get("ctx", {})
    if kind == "too_long":
        count, most = ctx["actual_length"], ctx["max_length"]
        message = f"found {count} items for {shown(loc[-1])}"
        return Diagnostic("out-of-range", message, place, help=f"write at most {most}")
    if "help" in ctx:
        return Diagnostic(kind, ctx["message"], place, help=ctx["help"])
    return Diagnostic("wrong-type", f"found {shown(node.value)}, which does not fit here", place, help=kind)


def _out_of_range(loc: Loc, node: Node) -> Diagnostic:
    key = _key(loc)
    field = _field(loc)
    limits = [*field.metadata, *(rule for part in get_args(field.annotation) for rule in _metadata(part))]
    least = next(limit.ge for limit in limits if hasattr(limit, "ge"))
    most = next(limit.le for limit in limits if hasattr(limit, "le"))
    what = "port" if key in ("port", "egress", "database_port") else "number"
    return Diagnostic(
        "out-of-range",
        f"found {shown(node.value)} as a port"
        if what == "port"
        else f"found {shown(node.value)} for {shown(key)}",
        node.place,
        help=f"write a {what} from {least} to {most}",
    )


def _field(loc: Loc) -> FieldInfo:
    """Return the field at `loc`, also of an item in its list."""
    key = _key(loc)
    _, model = _MAPS[pattern(loc[: loc.index(key)])]
    return next(found for name, found in model.model_fields.items() if key in (name, found.alias))


def _metadata(annotation: Any) -> tuple[Any, ...]:
    return tuple(
        rule for info in getattr(annotation, "__metadata__", ()) for rule in getattr(info, "metadata", ())
    )


def _key(loc: Loc) -> str:
    """Return the key of the field at `loc`, also of an item in its list."""
    return next(step for step in reversed(loc) if isinstance(step, str))


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
        owner = f"service {shown(loc[1])}" if len(loc) == 3 and loc[0] == "services" else owner
    return Diagnostic(
        "missing-key", f"found no {shown(key)} in {owner}", place, help=f'add "{key}": {_hover(model, key)}'
    )


def _unknown(loc: Loc, node: Node) -> Diagnostic:
    key = str(loc[-1])
    owner, _ = _MAPS[pattern(loc[:-1])]
    place = node.key_place or node.place
    meant = _meant(loc, node)
    way_out = f'write "{meant}"' if meant else f"allowed here: {listed(_allowed(loc[:-1], place))}"
    return Diagnostic("unknown-key", f"found {shown(key)}, which {owner} does not have", place, help=way_out)


def _meant(loc: Loc, node: Node) -> str | None:
    """Return the key that an unknown one at `loc` probably stands for."""
    return closest(str(loc[-1]), _allowed(loc[:-1], node.key_place or node.place))


def _allowed(loc: Loc, place: Place) -> list[str]:
    """Return the keys that the map at `loc` may hold in the file of `place`."""
    elsewhere = PLATFORM_ONLY if place.file != PLATFORM else ENVIRONMENT_ONLY
    _, model = _MAPS[pattern(loc)]
    return [name for name in keys(model) if pattern((*loc, name)) not in {*elsewhere, PINS}]


def _wrong_type(expected: str, loc: Loc, node: Node) -> Diagnostic:
    value = node.value
    if value is None:
        return empty(node)
    way_out = f"write {expected}"
    if expected == "a map":
        way_out = 'write entries, each "key: value"'
        if pattern(loc) in _MAPS:
            way_out += f"; allowed here: {listed(_allowed(loc, node.place))}"
    if expected == "text" and isinstance(value, (int, bool)):
        way_out = f'quote it: "{str(value).lower()}"'
    elif expected == "a whole number" and isinstance(value, str) and value.isascii() and value.isdecimal():
        way_out = f"write {int(value[:18])}"
    elif expected == "true or false" and isinstance(value, str) and value.casefold() in _TRUTH:
        way_out = f"write {shown(_TRUTH[value.casefold()])}"
    elif expected == "a list" and isinstance(value, str) and value.isprintable() and len(value) < 60:
        way_out = f"write [{', '.join(value.split())}]"
    elif expected == "a list":
        way_out = 'write a list, each item after "- "'
    return Diagnostic(
        "wrong-type", f"found {shown(value)} where {expected} is needed", node.place, help=way_out
    )


def empty(node: Node) -> Diagnostic:
    """Refuse a key or an item without a value."""
    return Diagnostic(
        "empty-value",
        "found nothing where a value is needed",
        node.place,
        help=f"write a value, or remove the {'key' if node.key_place else 'item'}",
    )


def _not_allowed(loc: Loc, node: Node) -> Diagnostic:
    key = _key(loc)
    allowed = [str(word) for word in _choices(_field(loc).annotation)]
    if node.value is None:
        return empty(node)
    meant = closest(str(node.value), allowed)
    return Diagnostic(
        "not-allowed",
        f"found {shown(node.value)} for {shown(key)}",
        node.place,
        help=f"write {meant}" if meant else f"write {listed(allowed, 'or')}",
    )


def _choices(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(word for part in get_args(annotation) for word in _choices(part))


def keys(model: type[BaseModel]) -> list[str]:
    """Return the keys of a map of the grammar as the user writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _hover(model: type[BaseModel], key: str) -> str:
    for name, field in model.model_fields.items():
        if key == (field.alias or name):
            text = field.description or ""
            return text[:1].lower() + text[1:]
    return ""
