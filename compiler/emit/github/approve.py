"""The plan of an environment into the workflow that counts the approvals of a pull request into its branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, per_environment
from compiler.emit.github.render import render_workflow

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    if env.deploy is None or not env.deploy.approvals:
        return ()
    path = f".github/workflows/{env.workflow_prefix.value}-approve-{env.name.value}.yml"
    places = (*env.deploy.origin, *env.workflow_prefix.places, *env.deploy.approvals.places)
    return (OutputFile(path, env.name.value, render_workflow("approve.yml.j2", places, env=env)),)


APPROVE = Emitter("approve", (".github/workflows/*-approve-{environment}.yml",), per_environment(_emit))
