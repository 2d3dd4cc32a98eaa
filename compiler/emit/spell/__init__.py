"""A value of the plan into the text of one target: every rule of quoting, each next to its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.spell import compose, env, github, helm, markdown, yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from compiler.emit.spell.spelt import Spelt

# target → name of a filter → how it spells. A template sees the filters of its own target only.
FILTERS: dict[str, dict[str, Callable[..., Spelt]]] = {
    "compose": compose.FILTERS,
    "env": env.FILTERS,
    "github": github.FILTERS,
    "helm": helm.FILTERS,
    "markdown": markdown.FILTERS,
    "yaml": yaml.FILTERS,
}
