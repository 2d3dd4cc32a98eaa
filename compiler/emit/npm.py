"""The plan of the local environment into the npm scripts that start, stop and migrate it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import Emitter, Output, OutputScripts, Span, Text, owned
from compiler.plan.leaf import Leaf, derive, unite

if TYPE_CHECKING:
    from compiler.plan.model import EnvironmentPlan, Plan

PATH = "package.json"

# The script's name and the arguments of the tool. Fixed texts: nothing of the user's becomes shell.
_SCRIPTS = (
    ("dev", "dev up --docker"),
    ("dev:native", "dev up --native"),
    ("dev:skip-migrations", "dev up --skip-migrations"),
    ("dev:infra", "dev infra"),
    ("dev:backend", "dev backend"),
    ("dev:down", "dev down"),
    ("dev:logs", "dev logs"),
    ("dev:death", "dev death"),
    ("migrate", "migrate upgrade"),
    ("migrate:status", "migrate status"),
    ("migrate:sql", "migrate sql"),
)


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    if not env.local:
        return ()
    fixed = [
        (
            derive("{}{}".format, env.script_prefix, Leaf(name)),
            derive("{} {}".format, env.tool, Leaf(arguments)),
        )
        for name, arguments in _SCRIPTS
    ]
    per_service = [
        (
            derive("{}migrate:{}".format, env.script_prefix, service.name),
            derive("{} migrate upgrade --service {}".format, env.tool, service.name),
        )
        for service in env.migrating
    ]
    at = next(index for index, (name, _) in enumerate(_SCRIPTS) if name == "migrate") + 1
    scripts = (*fixed[:at], *per_service, *fixed[at:])
    named = [(owned(_text(name), env.local.places), _text(command)) for name, command in scripts]
    if env.policy.downgrades:
        name = _text(derive("{}migrate:rollback".format, env.script_prefix))
        places = unite(env.local, env.policy.downgrades)
        named.append((owned(name, places), _text(derive("{} migrate downgrade".format, env.tool))))
    return (OutputScripts(PATH, env.name.value, env.tool.value, tuple(named)),)


def _text(leaf: Leaf[str]) -> Text:
    return Text(leaf.value, (Span(0, len(leaf.value), leaf.places),) if leaf.places else ())


def _emit_all(plan: Plan) -> tuple[Output, ...]:
    scripts = tuple(output for env in plan.environments for output in _emit(env))
    # Without a local environment none of our scripts stays behind in the user's file.
    return scripts if plan.unscripted is None else (OutputScripts(PATH, "", plan.unscripted.value),)


NPM = Emitter("npm", (PATH,), _emit_all)
