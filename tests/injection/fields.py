"""The grammar into its text fields: every leaf, or key of a map, that holds a text of the user's choosing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from compiler.spec.kinds import AnyValue, Kind
from compiler.spec.model import Environment

# Stands for any key of a map; `@` for an item of a list; `?` at the end of a field for the key itself.
ANY, ITEM, KEY = "*", "@", "?"


@dataclass(frozen=True)
class TextField:
    """One text field: the keys above it, and what its text must look like; no kind is no rule at all."""

    loc: tuple[str, ...]
    kind: Kind | None

    def __str__(self) -> str:
        return ".".join(self.loc)


def text_fields() -> list[TextField]:
    """Return every text field of the grammar. Raises TypeError for a type that this module does not know."""
    return sorted(set(_of_model(Environment, ())), key=str)


def _of_model(model: type[BaseModel], loc: tuple[str, ...]) -> Iterator[TextField]:
    for name, field in model.model_fields.items():
        yield from _of_field(field, (*loc, field.alias or name))


def _of_field(field: FieldInfo, loc: tuple[str, ...]) -> Iterator[TextField]:
    yield from _of_type(field.annotation, tuple(field.metadata), loc)


def _of_type(kind: Any, rules: tuple[Any, ...], loc: tuple[str, ...]) -> Iterator[TextField]:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _of_type(parts[0], (*rules, *parts[1:]), loc)
    elif origin in (Union, UnionType):
        for part in parts:
            yield from _of_type(part, rules, loc)
    elif origin is dict:
        yield from _of_type(parts[0], (), (*loc, KEY))
        yield from _of_type(parts[1], (), (*loc, ANY))
    elif origin is tuple and parts[1:] == (...,):
        yield from _of_type(parts[0], (), (*loc, ITEM))
    elif kind is Any and any(isinstance(rule, AnyValue) for rule in rules):
        yield TextField(loc, None)
    elif kind is str:
        yield TextField(loc, next((rule for rule in rules if isinstance(rule, Kind)), None))
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from _of_model(kind, loc)
    elif origin is not Literal and kind not in (int, bool, NoneType):
        raise TypeError(f"{'.'.join(loc)} is a {kind}: teach the enumeration of text fields what that is")
