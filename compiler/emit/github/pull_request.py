"""What every environment shares into the workflow that checks a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile
from compiler.emit.github.render import render_workflow
from compiler.plan.leaf import unite

if TYPE_CHECKING:
    from compiler.plan.model import Plan


def _emit(plan: Plan) -> tuple[Output, ...]:
    platform = plan.platform
    if platform is None:
        return ()
    path = f".github/workflows/{platform.prefix.value}-pull-request.yml"
    places = unite(platform.repository, platform.prefix)
    return (OutputFile(path, "", render_workflow("pull-request.yml.j2", places, platform=platform)),)


PULL_REQUEST = Emitter("pull-request", (".github/workflows/*-pull-request.yml",), _emit)
