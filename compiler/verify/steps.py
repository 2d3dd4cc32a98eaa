"""The steps of a workflow against what they run, what they are given, and what they tell."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from compiler.emit.github.actions import ACTIONS, VERSIONS
from compiler.verify.document import find, mapping, sequence
from compiler.verify.secrets import gives_secret, holds_secret
from compiler.verify.workflows import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.document import Document
    from compiler.verify.finding import Finding, Path

_PINS = {f"{action.name}@{action.commit}" for action in ACTIONS}
_VERSIONS = tuple(VERSIONS.values())
_CHECKOUT, _PUSH = "actions/checkout@", "docker/build-push-action@"
_STRICT = "set -euo pipefail\n"
_SECRET = re.compile(r"\bsecrets\s*[.\[]|\bgithub\.token\b|\bsteps\.token\.")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_ALL_SECRETS = re.compile(r"toJSON\(\s*secrets\b", re.IGNORECASE)
# Keys of a cloud that do not expire: names of variables and of inputs.
_LASTING = re.compile(
    r"(?i)(?:aws[_-](?:secret[_-])?access[_-]key(?:[_-]id)?|azure[_-](?:credentials|client[_-]secret)|client-secret"
    r"|creds|credentials_json|google[_-](?:application[_-])?credentials|gcp[_-]sa[_-]key)"
)
_DOWNLOADED = re.compile(
    r"\b(?:curl|wget)\b[^|\n]*\|\s*(?:sudo\s+)?(?:ba|da|z)?sh\b"
    r"|\b(?:ba|da|z)?sh\b[^\n]*(?:<\(|\$\()\s*(?:curl|wget)\b"
    r"|\bcurl\b[^\n]*\s(?:-k|--insecure)\b|\bwget\b[^\n]*--no-check-certificate"
    r"|\bnpm (?:i|install)\b[^\n]*\s(?:-g|--global)\b"
)
# Each alternative begins with a letter that is written out: `re` goes over all others at once.
_TRACED = re.compile(r"s(?<=\bs)et -(?:[a-z]*x|o xtrace)|b(?<=\bb)ash -[a-z]*x|p(?<=\bp)rintenv\b")
_SHOWS_ALL = "env"


def check(workflow: Document) -> Iterator[Finding]:
    """Check every step of a workflow, and the variables around them."""
    kind = kind_of(workflow.file)
    yield from _variables(workflow, ("env",), workflow.at("env"))
    for name, job in mapping(workflow.at("jobs")).items():
        at = ("jobs", name)
        yield from _variables(workflow, (*at, "env"), find(job, "env"))
        given = mapping(job).get("secrets") is not None
        if given:
            yield workflow.breaks("workflow-secret-scope", "found every secret handed on", *at, "secrets")
        has_secrets = False
        for number, value in enumerate(sequence(find(job, "steps"))):
            step, path = mapping(value), (*at, "steps", number)
            yield from _action(workflow, path, step, kind)
            yield from _script(workflow, path, step)
            yield from _values(workflow, path, step)
            has_secrets = has_secrets or any("secrets" in _expressions(text) for _, text in _given(step))
        yield from _environment(workflow, name, mapping(job), has_secrets, kind)


def _given(step: dict[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield where and what a step is given as variables and inputs."""
    for kind in ("env", "with"):
        for name, value in mapping(step.get(kind)).items():
            if isinstance(value, str):
                yield (kind, name), value


def _expressions(text: str) -> str:
    """Return what GitHub evaluates in a text; behind an escaped `${{` the rest is text."""
    return "\n".join(_EXPRESSION.findall(text)) if "${{" in text else ""


def _variables(workflow: Document, at: Path, variables: Any) -> Iterator[Finding]:
    for name, value in mapping(variables).items():
        if _SECRET.search(_expressions(str(value))):
            message = f"found {name}, a secret for more than one step"
            yield workflow.breaks("workflow-secret-scope", message, *at, name)
        elif holds_secret(str(value)):
            yield workflow.breaks("workflow-secret-literal", f"found a value for {name}", *at, name)


def _action(workflow: Document, at: Path, step: dict[str, Any], kind: str) -> Iterator[Finding]:
    if "continue-on-error" in step:
        message = "found a step whose failure does not count"
        yield workflow.breaks("workflow-failures", message, *at, "continue-on-error")
    if "uses" not in step:
        return
    uses = str(step["uses"])
    inputs = mapping(step.get("with"))
    if uses not in _PINS:
        yield workflow.breaks("workflow-action", f"found the action {uses!r}", *at, "uses")
    for name in ("version", "go-version"):
        if name in inputs and inputs[name] not in _VERSIONS:
            message = f"found {name}: {inputs[name]!r}"
            yield workflow.breaks("workflow-action", message, *at, "with", name)
    if uses.startswith(_CHECKOUT) and inputs.get("persist-credentials") is not False:
        message = "found a token that stays in the clone"
        yield workflow.breaks("workflow-checkout", message, *at, "with", "persist-credentials")
    if uses.startswith(_PUSH) and kind == "check" and inputs.get("push") is not False:
        message = "found a pull request that pushes"
        yield workflow.breaks("workflow-pull-request", message, *at, "with", "push")


def _script(workflow: Document, at: Path, step: dict[str, Any]) -> Iterator[Finding]:
    script = step.get("run")
    if "shell" in step:
        yield workflow.breaks("workflow-shell", "found another shell", *at, "shell")
    if script is None:
        return
    for rule, message in _judge(str(script)):
        yield workflow.breaks(rule, message, *at, "run")
    for (kind, name), value in _given(step):
        if kind == "env" and _SECRET.search(_expressions(value)) and _leaks(str(script), name):
            message = f"found {name}, a secret, in the log or in the arguments of a program"
            yield workflow.breaks("workflow-secret", message, *at, "run")


@lru_cache(maxsize=1024)
def _judge(script: str) -> tuple[tuple[str, str], ...]:
    """Return the rules that a script breaks whatever it is given, each with what was found."""
    found = []
    if "${{" in script:
        found.append(("workflow-expression", "found an expression in a script"))
    if not script.startswith(_STRICT):
        found.append(("workflow-shell", "found a script that goes on after a failure"))
    if _DOWNLOADED.search(script):
        found.append(("workflow-download", "found a program that is run unseen"))
    if _TRACED.search(script) or _SHOWS_ALL in map(str.strip, script.split("\n")):
        found.append(("workflow-secret", "found every command in the log"))
    if gives_secret(script):
        found.append(("workflow-secret-literal", "found a secret as text in a script"))
    return tuple(found)


@lru_cache(maxsize=1024)
def _leaks(script: str, name: str) -> bool:
    """Tell whether a script hands the variable `name` on, other than into a file or into another program's input."""
    use = re.compile(rf"\$(?:{name}\b|\{{{name}\b)")
    for line in script.split("\n"):
        if not use.search(line):
            continue
        rest = re.sub(rf'\[\[ -[nz] "\${name}" \]\]', "", line)
        # `printf` and `echo` are the shell's own: nobody sees their arguments, but what they print must go somewhere.
        rest = re.sub(rf"""<\((?:printf|echo) [^()]*"\${name}"\)""", "", rest)
        rest = re.sub(
            rf"""\b(?:printf|echo) (?:'[^']*' )?"\${name}" *(?:>+ *"\$RUNNER_TEMP/[^"]+"|\| [a-z])""",
            "",
            rest,
        )
        if use.search(rest):
            return True
    return False


def _values(workflow: Document, at: Path, step: dict[str, Any]) -> Iterator[Finding]:
    for path, value in _given(step):
        if _LASTING.fullmatch(path[1]) or (_LASTING.search(value) and "secrets" in _expressions(value)):
            message = f"found {path[1]}, a key that does not expire"
            yield workflow.breaks("workflow-cloud-keys", message, *at, *path)
        elif _ALL_SECRETS.search(_expressions(value)):
            yield workflow.breaks("workflow-secret-scope", "found every secret in one value", *at, *path)
        elif holds_secret(value):
            yield workflow.breaks("workflow-secret-literal", f"found a value for {path[1]}", *at, *path)


def _environment(
    workflow: Document, name: str, job: dict[str, Any], has_secrets: bool, kind: str
) -> Iterator[Finding]:
    environment = job.get("environment")
    if kind == "check":
        if has_secrets or environment is not None:
            message = "found a secret where anybody's code runs"
            yield workflow.breaks("workflow-pull-request", message, "jobs", name, "steps")
    elif has_secrets and environment is None:
        message = f"found secrets for {name!r} without a GitHub environment"
        yield workflow.breaks("workflow-environment", message, "jobs", name, "name")
