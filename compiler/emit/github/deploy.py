"""The plan of an environment into the workflow that deploys it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, per_environment
from compiler.emit.github.render import render_workflow

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    if env.deploy is None:
        return ()
    path = f".github/workflows/{env.workflow_prefix.value}-deploy-{env.name.value}.yml"
    places = (*env.deploy.origin, *env.workflow_prefix.places)
    return (OutputFile(path, env.name.value, render_workflow("deploy.yml.j2", places, env=env)),)


DEPLOY = Emitter("deploy", (".github/workflows/*-deploy-{environment}.yml",), per_environment(_emit))
