"""An output before it is on disk: its path, its text, and which span of the text came from which place."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from compiler.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from compiler.diagnostics.model import Place
    from compiler.plan.model import EnvironmentPlan, Plan


class Span(NamedTuple):
    """Characters `start` (inclusive) to `end` (exclusive) of a text, and the places that decided them."""

    start: int
    end: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered text with the origin of its spans; spans may nest and overlap."""

    text: str
    spans: tuple[Span, ...] = ()


def owned(content: Text, places: tuple[Place, ...]) -> Text:
    """Return `content` with all of it decided by `places`: without them there would be no such file."""
    return Text(content.text, (Span(0, len(content.text), places), *content.spans))


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A whole file of ours. `path` is relative to the root; `environment` names the owner.

    A file outside `out/<environment>/` is *sealed*: its first line carries a hash of the rest (see `seal`),
    so that it is recognised as ours without any record. Inside, what changes apart from everything else may be
    `sealed` too: a line of the record would let it conflict with its neighbours.
    """

    path: str
    environment: str
    content: Text
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class OutputScripts:
    """Scripts that belong into an existing `package.json`: ours are those whose command starts with `tool`.

    Every other byte of that file is the user's and stays.
    """

    path: str
    environment: str
    tool: str
    scripts: tuple[tuple[Text, Text], ...] = field(default=())


Output: TypeAlias = OutputFile | OutputScripts


@dataclass(frozen=True, slots=True)
class Emitter:
    """One kind of output. `paths` are the patterns of all that it can ever produce.

    `emit` spells a plan at a time, and knows of no other. A pattern may hold `{environment}` and `*`
    (within one path segment); only a path that matches one may ever be removed from disk. What is `prose`
    is read by people only: it explains, and no program acts on it. `sealed` are the patterns below `out/`
    whose files are known by their seal, as all outside are.
    """

    name: str
    paths: tuple[str, ...]
    emit: Callable[[Plan], tuple[Output, ...]]
    prose: bool = False
    sealed: tuple[str, ...] = ()


def per_environment(
    emit: Callable[[EnvironmentPlan], tuple[Output, ...]],
) -> Callable[[Plan], tuple[Output, ...]]:
    """Turn what spells one environment into what spells a plan."""
    return lambda plan: tuple(output for environment in plan.environments for output in emit(environment))
