"""A value of ours is what `dataclasses.dataclass(frozen=True, slots=True)` would make of the same class."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from compiler import frozen
from compiler.diagnostics.model import Note, Place


def written() -> type:
    class Written:
        """A class as it is written, with every kind of field that there is."""

        name: str
        number: int = 3
        set: str = "a name of the code that is made"
        missing: str = "and another one"
        seen: list[int] = dataclasses.field(default_factory=list)
        store: object = dataclasses.field(default=None, compare=False, repr=False)

    return Written


OURS: Any = frozen.dataclass(frozen=True, slots=True)(written())
THEIRS: Any = dataclasses.dataclass(frozen=True, slots=True)(written())


@pytest.mark.parametrize(
    "look",
    [
        repr,
        lambda value: [field.name for field in dataclasses.fields(value)],
        lambda value: [value.name, value.number, value.set, value.missing, value.seen, value.store],
        lambda value: repr(dataclasses.replace(value, number=4)),
        lambda value: repr(copy.copy(value)),
        lambda value: repr(copy.deepcopy(value)),
        lambda value: [value == type(value)("a"), value == type(value)("b"), value == "a"],
        lambda value: value == dataclasses.replace(value, store="not compared"),
        lambda value: hash(dataclasses.replace(value, seen=())),
        lambda value: hasattr(value, "__dict__"),
        lambda value: type(value).__match_args__,
        lambda value: type(value).__doc__,
    ],
)
def test_looks_the_same(look: Any) -> None:
    assert look(OURS("a")) == look(THEIRS("a"))


@pytest.mark.parametrize("make", [OURS, THEIRS])
def test_refuses_the_same(make: Any) -> None:
    value = make("a", seen=[1])
    for change in (lambda: setattr(value, "name", "b"), lambda: delattr(value, "name")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):  # the latter is Python's own mistake
        value.unknown = 1
    with pytest.raises(TypeError):
        make()
    with pytest.raises(TypeError):
        make("a", unknown=1)
    with pytest.raises(TypeError):
        hash(value)  # a list has none


def test_makes_a_list_for_each() -> None:
    OURS("a").seen.append(1)
    assert OURS("a").seen == []


def test_goes_to_another_process() -> None:
    note = Note("a", Place("b", 1, 1))
    assert pickle.loads(pickle.dumps(note)) == note


def test_of_two_classes_with_the_same_fields_none_equals_the_other() -> None:
    other = frozen.dataclass(frozen=True, slots=True)(type("Other", (), {"__annotations__": {"name": "str"}}))
    one = frozen.dataclass(frozen=True, slots=True)(type("One", (), {"__annotations__": {"name": "str"}}))
    assert one("a") == one("a") != other("a")
