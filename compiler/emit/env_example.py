"""The plan of the local environment into `.env.example`, which a developer copies to `.env`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, owned, per_environment
from compiler.emit.seal import seal
from compiler.emit.template import render

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan

PATH = ".env.example"


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    if not env.local:
        return ()
    content = owned(render("env.example.j2", env=env), env.local.places)
    return (OutputFile(PATH, env.name.value, seal(content, "environments/")),)


ENV_EXAMPLE = Emitter("env-example", (PATH,), per_environment(_emit))
