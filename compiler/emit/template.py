"""A template and one frozen plan object into a text that knows which span came from which place.

A template spells, it does not decide: it may print fields of the plan and use `if` on a field and `for` over a field.
Its first line declares the target (`<%# target: compose %>`); a value that was not spelt for that target is refused.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateNotFound, nodes
from jinja2.visitor import NodeTransformer

from compiler.emit.file import Span, Text
from compiler.emit.precompiled import find, module_name
from compiler.emit.spell import FILTERS
from compiler.emit.spell.spelt import Spelt
from compiler.plan.leaf import Leaf
from compiler.plan.model import Items

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from compiler.diagnostics.model import Place

_TARGET = re.compile(r"<%# target: ([a-z]+) %>")
# Marks of a span inside the rendered text. They are private-use characters, which every speller escapes or refuses.
# A span begins with its number between the two, and ends with nothing between them.
_OPEN, _CLOSE = "\ue000", "\ue001"
_END = _OPEN + _CLOSE


class TemplateError(Exception):
    """A template of ours breaks a rule of templates."""


def render(name: str, **fields: object) -> Text:
    """Render the template `name` (a path below `templates/`) with the given plan objects."""
    environment = _environment(_target_of(name))
    environment.places = []
    marked = environment.get_template(name).render(fields)
    return _unmark(marked, environment.places)


@cache
def templates_folder() -> Path:
    """Return the folder of the templates: inside the wheel, or beside this package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_templates"
    return inside if inside.is_dir() else package.parent / "templates"


def compiled() -> dict[str, str]:
    """Return the code of every template by the name of its module; see `precompiled.py`."""
    modules = {}
    for path in templates_folder().rglob("*.j2"):
        name = path.relative_to(templates_folder()).as_posix()
        source, target = path.read_text(encoding="utf-8"), _target_of(name)
        code = _environment(target).compile(source, name, name, raw=True, defer_init=True)
        modules[module_name(target, source)] = code
    return modules


@cache
def _target_of(name: str) -> str:
    first = (templates_folder() / name).read_text(encoding="utf-8").partition("\n")[0]
    declared = _TARGET.fullmatch(first)
    if declared is None:
        raise TemplateError(f"{name}: the first line must declare the target: <%# target: … %>")
    if declared[1] not in FILTERS:
        raise TemplateError(f"{name}: {declared[1]} is no target; there are {', '.join(FILTERS)}")
    return declared[1]


@cache
def _environment(target: str) -> _Environment:
    return _Environment(target)


class _Loader(BaseLoader):
    """Reads a template, or one that it includes: both have the same reader."""

    def __init__(self, target: str) -> None:
        self.target = target

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        path = templates_folder() / template
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise TemplateNotFound(template) from error
        target = _target_of(template)
        if target != self.target:
            raise TemplateError(f"{template} is read as {target}, and what includes it as {self.target}")
        return text, str(path), lambda: True

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 (Jinja's name)
    ) -> Template:
        assert isinstance(environment, _Environment)
        source, _, _ = self.get_source(environment, name)
        made = find(templates_folder(), environment.target, source)
        if made is None:
            return super().load(environment, name, globals)
        return Template.from_module_dict(environment, made, globals or {})


class _Mark(str):
    """The beginning or the end of a span, on its way through Jinja."""

    __slots__ = ()


class _Environment(Environment):
    """Jinja with delimiters that belong to nobody else, blocks that know their deciders, values that must be spelt."""

    def __init__(self, target: str) -> None:
        super().__init__(
            block_start_string="<%",
            block_end_string="%>",
            variable_start_string="<%=",
            variable_end_string="%>",
            comment_start_string="<%#",
            comment_end_string="%>",
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=StrictUndefined,
            finalize=self._spell,
            loader=_Loader(target),
        )
        self.target = target
        self.places: list[tuple[Place, ...]] = []
        self.filters = dict(FILTERS[target])
        self.tests = {}
        self.globals = {
            "_enter": lambda value: self._enter(_places_of(value)),
            "_enter_list": lambda value: self._enter(_places_of_list(value)),
            "_leave": lambda: _Mark(_END),
        }

    def _enter(self, places: tuple[Place, ...]) -> _Mark:
        self.places.append(places)
        return _Mark(f"{_OPEN}{len(self.places) - 1}{_CLOSE}")

    def _spell(self, value: object) -> str:
        if isinstance(value, _Mark):
            return value
        if not isinstance(value, Spelt):
            raise TemplateError(
                f"a value reached a {self.target} template without a filter that spells it: {value!r}"
            )
        if value.target != self.target:
            raise TemplateError(
                f"a value was spelt for {value.target}, but the template is read as {self.target}"
            )
        if value.pieces:
            return "".join(
                f"{self._enter(places)}{text}{_END}" if places else text for text, places in value.pieces
            )
        return f"{self._enter(value.places)}{value.text}{_END}"

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = _Owners(name).visit(super()._parse(source, name, filename))
        assert isinstance(template, nodes.Template)
        return template


class _Owners(NodeTransformer):
    """Puts marks around what an `if` or a `for` decides: the block, each turn of the loop, and the loop as a whole."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def visit_If(self, block: nodes.If) -> nodes.If:  # noqa: N802 (Jinja's name)
        self.generic_visit(block)
        decider = _require_field(block.test, self.name)
        block.body = _owned("_enter", decider, block.body)
        block.else_ = _owned("_enter", decider, block.else_)
        return block

    def visit_For(self, loop: nodes.For) -> list[nodes.Node]:  # noqa: N802 (Jinja's name)
        self.generic_visit(loop)
        decider = _require_field(loop.iter, self.name)
        assert isinstance(loop.target, nodes.Name)
        loop.body = _owned("_enter", nodes.Name(loop.target.name, "load"), loop.body)
        return _owned("_enter_list", decider, [loop])


def _require_field(test: nodes.Node, template: str | None) -> nodes.Expr:
    """Return `test` without its `not`, or raise TemplateError for anything but a field of the plan."""
    if isinstance(test, nodes.Not):
        test = test.node
    inner = test
    while isinstance(inner, nodes.Getattr):
        inner = inner.node
    if not isinstance(inner, nodes.Name) or not isinstance(test, nodes.Expr):
        raise TemplateError(
            f"{template}:{test.lineno}: `if` and `for` take a field of the plan, nothing else"
        )
    return test


def _owned(enter: str, decider: nodes.Expr, body: list[nodes.Node]) -> list[nodes.Node]:
    if not body:
        return body

    def call(name: str, *args: nodes.Expr) -> nodes.Output:
        return nodes.Output([nodes.Call(nodes.Name(name, "load"), list(args), [], None, None)])

    return [call(enter, decider), *body, call("_leave")]


def _places_of(value: object) -> tuple[Place, ...]:
    """Return the places that decide whether `value` is there."""
    if isinstance(value, Leaf):
        return value.places
    if isinstance(value, Items | tuple):
        # Of several elements none decides alone whether there are any.
        alone = _places_of(next(iter(value))) if len(value) == 1 else ()
        return tuple(dict.fromkeys((*_places_of_list(value), *alone)))
    return getattr(value, "origin", ())


def _places_of_list(value: object) -> tuple[Place, ...]:
    """Return the places that decide which elements a list has, and in which order, apart from its elements."""
    return value.origin if isinstance(value, Items) else ()


def _unmark(marked: str, places: list[tuple[Place, ...]]) -> Text:
    """Take the marks out of `marked` and return the text with the spans that they enclosed."""
    first, *rest = marked.split(_OPEN)
    texts = [first]
    spans: list[Span] = []
    open_spans: list[tuple[int, tuple[Place, ...]]] = []
    length = len(first)
    for part in rest:
        number, _, text = part.partition(_CLOSE)
        if number:
            open_spans.append((length, places[int(number)]))
        else:
            start, decided_by = open_spans.pop()
            if decided_by and length > start:
                spans.append(Span(start, length, decided_by))
        texts.append(text)
        length += len(text)
    return Text("".join(texts), tuple(spans))
