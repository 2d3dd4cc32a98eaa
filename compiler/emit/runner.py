"""The plan of an environment into `plan.json`, the runner's contract, and the runner that reads it beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputFile, Text, per_environment
from compiler.emit.migrations import plan_document, runner_sources
from compiler.emit.structure import write_json

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    folder = f"out/{env.name.value}"
    return (
        OutputFile(f"{folder}/plan.json", env.name.value, write_json(plan_document(env))),
        *(
            OutputFile(f"{folder}/runner/genmigrate/{name}", env.name.value, Text(text))
            for name, text in runner_sources(deployed=env.deploy is not None)
        ),
    )


RUNNER = Emitter(
    "runner",
    ("out/{environment}/plan.json", "out/{environment}/runner/genmigrate/*.py"),
    per_environment(_emit),
)
