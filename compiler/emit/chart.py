"""The plan of a deployed environment into its Helm chart: migrations, services, and what the values must hold."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, Text, owned, per_environment
from compiler.emit.migrations import plan_document, runner_sources
from compiler.emit.seal import seal
from compiler.emit.structure import Json, Owned, write_json
from compiler.emit.template import render
from compiler.frozen import dataclass
from compiler.plan.leaf import Leaf, derive, unite
from compiler.plan.model import Items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.diagnostics.model import Place
    from compiler.plan.model import ArgocdPlan, DeployPlan, EnvironmentPlan

_DIGEST = "^sha256:[0-9a-f]{64}$"
_HASH = "^[0-9a-f]{8}$"
_HASH_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the runner."""

    name: Leaf[str]
    text: Text


@dataclass(frozen=True, slots=True)
class Files:
    """What the migrations read in a cluster, under names that change with what is inside.

    The driver borrows the image of the first service that migrates: `driver_image` and that service's name.
    """

    plan: Text
    plan_name: Leaf[str]
    modules: Items[Module]
    runner_name: Leaf[str]
    driver: Leaf[str]
    driver_image: Leaf[str]
    job_prefix: Leaf[str]


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    deploy = env.deploy
    if deploy is None:
        return ()
    return tuple(_outputs(env, deploy))


def _outputs(env: EnvironmentPlan, deploy: DeployPlan) -> Iterator[Output]:
    def output(path: str, content: Text) -> OutputFile:
        return OutputFile(f"out/{env.name.value}/chart/{path}", env.name.value, owned(content, deploy.origin))

    description = derive("The services of {} in {}".format, env.platform, env.name)
    yield output("Chart.yaml", render("out/chart/Chart.yaml.j2", env=env, description=description))
    yield output("values.yaml", render("out/chart/values.yaml.j2"))
    yield output("values.schema.json", write_json(_values_schema(env, deploy)))
    files = _files(env, deploy)
    fields = {"env": env, "deploy": deploy, "files": files}
    if files is not None:
        yield output("templates/migrations/files.yaml", render(_FILES, **fields))
        yield output("templates/migrations/job.yaml", render(_JOB, **fields))
    for service in env.services:
        said = {**fields, "service": service, "compiled": Leaf("")}
        if deploy.argocd is not None:  # where it has one, the text says the hash of itself without it
            said["compiled"] = _hash_of(render(_SERVICE, **said))
        content = owned(render(_SERVICE, **said), (*env.services.origin, *service.origin))
        yield output(f"templates/services/{service.name.value}.yaml", content)
    if deploy.argocd is not None:
        yield _images(env, deploy, deploy.argocd)


_FILES = "out/chart/templates/migrations/files.yaml.j2"
_JOB = "out/chart/templates/migrations/job.yaml.j2"
_SERVICE = "out/chart/templates/services/service.yaml.j2"


def _files(env: EnvironmentPlan, deploy: DeployPlan) -> Files | None:
    """Return what the migrations read; nothing where no service migrates."""
    driver = next(iter(env.migrating), None)
    if driver is None:
        return None
    plan = write_json(plan_document(env))
    modules = tuple(Module(Leaf(name), Text(text)) for name, text in runner_sources(deployed=True))
    runner = "".join(f"{module.name.value}\n{module.text.text}" for module in modules)
    files = Files(
        plan=plan,
        plan_name=derive("{}-plan-{}".format, env.platform, _hash_of(plan)),
        modules=Items(modules),
        runner_name=derive("{}-runner-{}".format, env.platform, Leaf(_hash(runner))),
        driver=_first(driver.name, env),
        driver_image=_first(driver.repository, env),
        job_prefix=deploy.migrations,
    )
    # The Job's name says what it would run: its own text, with the names of its files, and in the values the digests.
    job = render(_JOB, env=env, deploy=deploy, files=files)
    prefix = derive("{}-{}".format, deploy.migrations, _hash_of(job))
    return replace(files, job_prefix=prefix)


def _first(leaf: Leaf[str], env: EnvironmentPlan) -> Leaf[str]:
    """Return what the first service that migrates has; what decides the order decides which one that is."""
    return Leaf(leaf.value, (*leaf.places, *env.services.origin))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def _hash_of(content: Text) -> Leaf[str]:
    """Return the hash of a text; whatever decides any of the text decides its hash."""
    return Leaf(_hash(content.text), unite(*(Leaf(None, span.places) for span in content.spans)))


def _images(env: EnvironmentPlan, deploy: DeployPlan, argocd: ArgocdPlan) -> OutputFile:
    pins = {pin.service.value: pin.digest for pin in argocd.pins}
    migrating = [pins[service.name.value] for service in env.migrating]
    digest = derive(lambda *digests: _hash("\n".join(digests)), *migrating)
    content = owned(render("out/chart/images.yaml.j2", env=env, deploy=deploy, digest=digest), deploy.origin)
    path = f"out/{env.name.value}/chart/images.yaml"
    return OutputFile(path, env.name.value, seal(content, "environments/"), sealed=True)


def _values_schema(env: EnvironmentPlan, deploy: DeployPlan) -> Json:
    """Return the schema of the values: a digest for each service, and nothing else."""
    digest: Json = {"type": "string", "pattern": _DIGEST}
    services = [(service.name, (*env.services.origin, *service.origin)) for service in env.services]
    properties: dict[str, Json] = {
        "images": _closed({name.value: Owned(digest, at) for name, at in services}, services)
    }
    required: list[Json] = ["images"]
    if deploy.argocd is not None and env.migrating:
        hashed: Json = {"digest": {"type": "string", "pattern": _HASH}}
        properties["migrations"] = Owned(
            {"type": "object", "additionalProperties": False, "required": ["digest"], "properties": hashed},
            deploy.argocd.origin,
        )
        required.append(Owned("migrations", deploy.argocd.origin))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The digests of the images, given by whoever deploys",
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def _closed(properties: dict[str, Json], services: list[tuple[Leaf[str], tuple[Place, ...]]]) -> Json:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [Owned(name.value, at) for name, at in services],
        "properties": properties,
    }


CHART = Emitter(
    "chart",
    (
        "out/{environment}/chart/Chart.yaml",
        "out/{environment}/chart/values.yaml",
        "out/{environment}/chart/values.schema.json",
        "out/{environment}/chart/images.yaml",
        "out/{environment}/chart/templates/migrations/*.yaml",
        "out/{environment}/chart/templates/services/*.yaml",
    ),
    per_environment(_emit),
    sealed=("out/{environment}/chart/images.yaml",),
)
