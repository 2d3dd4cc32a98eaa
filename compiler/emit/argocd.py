"""The plan of an environment that Argo CD syncs into its AppProject and its Application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, owned, per_environment
from compiler.emit.template import render
from compiler.plan.leaf import derive

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    deploy = env.deploy
    if deploy is None or deploy.argocd is None:
        return ()
    fields = {
        "deploy": deploy,
        "description": derive("{} in {}, and nothing else".format, env.platform, env.name),
        "chart": derive("out/{}/chart".format, env.name),
    }
    origin = (*deploy.origin, *deploy.argocd.origin)
    return tuple(
        OutputFile(
            f"out/{env.name.value}/argocd/{name}",
            env.name.value,
            owned(render(f"out/argocd/{name}.j2", **fields), origin),
        )
        for name in ("project.yaml", "application.yaml")
    )


ARGOCD = Emitter("argocd", ("out/{environment}/argocd/*.yaml",), per_environment(_emit))
