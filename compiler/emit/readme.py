"""The plan of an environment into its `README.md`: tenants, services, the way, the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, per_environment
from compiler.emit.template import render

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    return (
        OutputFile(f"out/{env.name.value}/README.md", env.name.value, render("out/README.md.j2", env=env)),
    )


README = Emitter("readme", ("out/{environment}/README.md",), per_environment(_emit), prose=True)
