"""A class with annotated fields into a frozen value: `dataclass(frozen=True, slots=True)` at a quarter of its price.

A data class compiles each of its methods from a text of its own, six for a frozen one, and gen makes some seventy
of them whenever it starts. Here `__init__` alone is compiled, as it runs most; the other methods are the same for all.
For a type checker this is `dataclasses.dataclass` itself, and so it is for `fields` and `replace`. A class has at least
one field; a field may have a default, or a factory of one, and be left out of comparisons and of what is shown.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """Return what turns a class into one of frozen values; there are no others, so both are True."""
        assert frozen
        assert slots
        return _made


def _made(cls: type) -> type:
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    fields = dataclasses.fields(made)
    made.__init__ = _init(fields)
    made.__setattr__ = made.__delattr__ = _refuse
    made.__eq__, made.__hash__ = _comparison([field.name for field in fields if field.compare])
    made.__repr__ = _repr
    made.__reduce__ = _reduce
    return made  # type: ignore[no-any-return]


def _init(fields: tuple[dataclasses.Field[Any], ...]) -> Callable[..., None]:
    names: dict[str, Any] = {"_set": object.__setattr__, "_missing": dataclasses.MISSING}
    parameters, lines = ["self"], []
    for field in fields:
        name = parameter = value = field.name
        default = f"_default_{name}"
        if field.default is not dataclasses.MISSING:
            names[default] = field.default
            parameter = f"{name}={default}"
        elif field.default_factory is not dataclasses.MISSING:
            names[default] = field.default_factory
            parameter, value = f"{name}=_missing", f"{default}() if {name} is _missing else {name}"
        parameters.append(parameter)
        lines.append(f" _set(self, {name!r}, {value})")
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines), names)
    made: Callable[..., None] = names["__init__"]
    return made


def _comparison(names: list[str]) -> tuple[Callable[[Any, object], bool], Callable[[Any], int]]:
    # Of one name `attrgetter` returns the value itself, which is as good to compare and to hash.
    values = attrgetter(*names)

    def equal(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equal, lambda self: hash(values(self))


def _refuse(self: object, name: str, *value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"{name} of a {type(self).__name__} is what it is")


def _repr(self: Any) -> str:
    shown = (
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _reduce(self: Any) -> tuple[type, tuple[object, ...]]:
    return type(self), tuple(getattr(self, field.name) for field in dataclasses.fields(self))
