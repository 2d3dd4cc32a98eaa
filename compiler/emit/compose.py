"""The plan of the local environment into `compose.yaml`, which Docker Compose runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, owned, per_environment
from compiler.emit.template import render

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    if not env.local:
        return ()
    content = owned(render("out/compose.yaml.j2", env=env), env.local.places)
    return (OutputFile(f"out/{env.name.value}/compose.yaml", env.name.value, content),)


COMPOSE = Emitter("compose", ("out/{environment}/compose.yaml",), per_environment(_emit))
