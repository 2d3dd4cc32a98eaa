"""Every way in which an emitted file is made worse, and the one rule that each of them breaks."""

from __future__ import annotations

from tests.verify.mutations import argocd, chart, compose, job, npm, plan, pods, release, workflows
from tests.verify.mutations.model import Mutation

WORLDS: dict[str, tuple[Mutation, ...]] = {
    "every chart": chart.MUTATIONS,
    "pods": pods.MUTATIONS,
    "migration Job": job.MUTATIONS,
    "release": release.MUTATIONS,
    "Argo CD": argocd.MUTATIONS,
    "Compose": compose.MUTATIONS,
    "workflows": workflows.MUTATIONS,
    "npm": npm.MUTATIONS,
    "plan": plan.MUTATIONS,
}
MUTATIONS: tuple[Mutation, ...] = tuple(mutation for world in WORLDS.values() for mutation in world)
