"""A command into what its program says of it: parsed by the program itself, by a table where it is not here."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import alembic.config
import typer
import typer._click.exceptions as exceptions

import genmigrate.cli
import localdev.cli
from compiler.commands import app
from genmigrate.codes import RunError
from tests.calls.find import Call

# Where what `make` installs lies, which PATH need not name.
BIN = Path(sys.executable).parent
BUILTINS = {
    ":",
    "break",
    "cd",
    "command",
    "continue",
    "declare",
    "echo",
    "exit",
    "export",
    "false",
    "kill",
    "local",
}
BUILTINS |= {"mapfile", "printf", "read", "return", "set", "shift", "test", "true", "umask", "wait"}
# What GitHub's image ubuntu-24.04 holds, and a test of the steps has stand-ins for or uses itself.
ON_THE_RUNNER = {"aws", "curl", "docker", "gh", "jq", "kubectl", "psql"}
# Programs that need a cluster or GitHub: the options that we use, as their own --help names them.
TABLE: dict[tuple[str, ...], str] = {
    ("aws", "eks", "update-kubeconfig"): "--region --name --kubeconfig",
    ("docker", "buildx", "imagetools", "inspect"): "--format",
    ("gh", "api"): "--field --input --jq --method --paginate --raw-field --silent",
    ("gh", "pr", "create"): "--base --body --head --title",
    ("gh", "pr", "list"): "--base --head --jq --json --repo --state",
    ("gh", "secret", "set"): "--env",
    ("kubectl", "apply"): "--filename",
    ("kubectl", "create", "namespace"): "",
    ("kubectl", "create", "secret", "generic"): "--from-env-file --namespace",
    ("kubectl", "delete"): "--namespace",
    ("kubectl", "describe"): "--namespace --selector",
    ("kubectl", "get"): "--ignore-not-found --namespace --output --selector --sort-by",
    ("kubectl", "logs"): "--container --namespace --selector --tail",
    ("kubectl", "port-forward"): "--namespace",
    ("kubectl", "rollout", "status"): "--namespace --timeout",
}


@dataclass(frozen=True)
class Judge:
    """What is there: the tool, npm scripts, the user's own commands in the spec, helm, the objects of charts."""

    tool: tuple[str, ...]
    scripts: frozenset[str]
    helm: Path
    platform: dict[str, Any]
    objects: list[dict[str, Any]] = field(default_factory=list)

    def fault(self, call: Call) -> str | None:
        """Return why the command cannot run; nothing where its program takes it."""
        said = self._fault(call.words, call)
        return said and f"{call.where}: {' '.join(call.words)}: {said}"

    def _fault(self, words: tuple[str, ...], call: Call) -> str | None:
        if self._is_theirs(words) or words[0] in call.local:
            return None
        for tool in (self.tool, ("uv", "run", "gen"), ("gen",)):
            if words[: len(tool)] == tool and (tool == self.tool or call.reader in ("person", "named")):
                return gen(words[len(tool) :], named=call.reader == "named")
        for prefix in self._runs():
            if words[: len(prefix)] == prefix:
                return self._fault(words[len(prefix) :], call)
        if call.reader == "npm":
            return "a script of ours calls the tool"
        return self._program(words[0], words[1:], call)

    def _program(self, program: str, rest: tuple[str, ...], call: Call) -> str | None:
        judge = {
            "alembic": _alembic,
            "env": lambda rest: self._env(rest, call),
            "git": _git,
            "helm": lambda rest: _cobra(self.helm, rest),
            "npm": self._npm,
            "python": lambda rest: _python(rest, call),
            "python3": lambda rest: _python(rest, call),
            "uv": lambda rest: self._uv(rest, call),
        }.get(program)
        if judge:
            return judge(rest)
        if call.reader == "container":
            return None if program == "pg_isready" else "no image of ours holds this program"
        if program in ON_THE_RUNNER:
            return self._table((program, *rest))
        there = program in BUILTINS or shutil.which(program) or (BIN / program).exists()
        return None if there else "there is no such program"

    def _is_theirs(self, words: tuple[str, ...]) -> bool:
        own = [self.platform.get("workflows", {}).get("setup", [])]
        own += [
            service.get(key, [])
            for service in self.platform["services"].values()
            for key in ("dev", "lint", "test")
        ]
        return list(words) in own

    def _runs(self) -> list[tuple[str, ...]]:
        return [tuple(service["run"]) for service in self.platform["services"].values() if "run" in service]

    def _npm(self, rest: tuple[str, ...]) -> str | None:
        if rest[:1] == ("install",):
            return None
        names = [word for word in rest[1:] if not word.startswith("--")]
        if rest[:1] != ("run",) or not names:
            return "this page knows npm install and npm run"
        return None if names[0] in self.scripts else f"package.json has no script {names[0]}"

    def _env(self, rest: tuple[str, ...], call: Call) -> str | None:
        at = next((at for at, word in enumerate(rest) if not word.startswith("-") and "=" not in word), None)
        return "env starts nothing" if at is None else self._fault(rest[at:], call)

    def _uv(self, rest: tuple[str, ...], call: Call) -> str | None:
        if rest[:1] not in (("run",), ("sync",)):
            return "uv is asked to run and to sync only"
        text, at = _help(str(BIN / "uv"), rest[0]), 1
        while at < len(rest) and rest[at].startswith("-"):
            option = re.search(rf"(?<![\w-]){re.escape(rest[at])}(?![\w-])( <)?", text)
            if not option:
                return f"uv {rest[0]} knows no {rest[at]}"
            at += 2 if option[1] else 1
        return self._fault(rest[at:], call) if rest[0] == "run" else None

    def _table(self, words: tuple[str, ...]) -> str | None:
        if words[0] in ("curl", "jq", "psql"):
            return None
        known = [key for key in TABLE if words[: len(key)] == key]
        if not known:
            return "a command that is not in the table of this test"
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        if unknown := sorted(options - set(TABLE[known[0]].split())):
            return f"options that are not in the table of this test: {', '.join(unknown)}"
        return self._kubectl(words) if words[0] == "kubectl" else None

    def _kubectl(self, words: tuple[str, ...]) -> str | None:
        """Look in the charts for what a command names; a variable and a placeholder name nothing."""
        if not self.objects or words[1] == "create":
            return None
        options = {name: value for name, value in itertools.pairwise(words) if name.startswith("--")}
        namespace = options.get("--namespace", "$")
        metadata = [one["metadata"] for one in self.objects]
        if _is_literal(namespace) and namespace not in {one["namespace"] for one in metadata}:
            return f"no chart has the namespace {namespace}"
        pods = [one["spec"]["template"] for one in self.objects if "template" in one.get("spec", {})]
        labels = [one.get("labels", {}).items() for one in (*metadata, *(pod["metadata"] for pod in pods))]
        wanted = [tuple(pair.split("=")) for pair in options.get("--selector", "").split(",") if pair]
        if not any(all(pair in of_one for pair in wanted) for of_one in labels):
            return f"nothing in the charts has the labels {options['--selector']}"
        names = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in self.objects}
        asked = [word for word in words if re.fullmatch(r"(job|deployment|service|configmap)/\S+", word)]
        if missing := [word for word in asked if _is_literal(word) and word not in names]:
            return f"no chart has {missing[0]}"
        containers = {one["name"] for pod in pods for one in pod["spec"]["containers"]}
        if "--container" in options and options["--container"] not in containers:
            return f"no pod has a container {options['--container']}"
        return None


def _is_literal(word: str) -> bool:
    return "$" not in word and not word.rpartition("/")[2].isupper()


def gen(words: tuple[str, ...], *, named: bool = False) -> str | None:
    """Parse the words after the tool's name by its own command line, and run nothing; `named`: parts may be missing."""
    if words[:1] in (("dev",), ("migrate",)):
        words += ("--help",) if named else ()
        return _argparse(localdev.cli._parser(), words)
    command, rest = typer.main.get_command(app), list(words)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            context = command.make_context("gen", rest)
            while hasattr(command, "resolve_command") and (rest := [*context._protected_args, *context.args]):
                name, command, rest = command.resolve_command(context, rest)
                context = command.make_context(name, rest, parent=context)
    except typer.Exit:
        return None
    except (exceptions.MissingParameter, exceptions.NoArgsIsHelpError) as error:
        return None if named else f"{type(error).__name__}: {error.message}"
    except exceptions.ClickException as error:
        return f"{type(error).__name__}: {error.message}"
    return None


def _python(rest: tuple[str, ...], call: Call) -> str | None:
    if rest[:2] == ("-m", "genmigrate"):
        return _argparse(genmigrate.cli.parser(), rest[2:])
    if rest[:1] == ("-c",):
        compile(rest[1], call.where, "exec")
        return None
    return "python runs nothing that is there" if call.reader == "container" else None


def _alembic(rest: tuple[str, ...]) -> str | None:
    return _argparse(alembic.config.CommandLine().parser, rest)


def _argparse(parser: Any, words: tuple[str, ...]) -> str | None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parser.parse_args(list(words))
    except SystemExit as end:
        return " ".join(said.getvalue().split())[-300:] if end.code else None
    except RunError as trouble:  # how the runner's own parser ends
        return trouble.reason
    return None


def _git(rest: tuple[str, ...]) -> str | None:
    done = subprocess.run(["git", "--list-cmds=builtins"], capture_output=True, text=True, check=True)
    return None if rest[:1] and rest[0] in done.stdout.split() else "git has no such command"


@functools.cache
def _cobra(program: Path, rest: tuple[str, ...]) -> str | None:
    """Ask helm or kubectl for the help of a command with all its options: an unknown one is refused first."""
    done = subprocess.run([program, *rest, "--help"], capture_output=True, text=True, check=False)
    if done.returncode:
        return " ".join(done.stderr.split())
    # For a command that is not there, the help of the one above it is shown.
    used = re.search(r"^Usage:\n {2}(\S+(?: \S+)*)", done.stdout, re.MULTILINE)
    words = used[1].split(" [")[0].split()[1:] if used else []
    return None if words and words[0] == rest[0] else f"{program.name} has no command {rest[0]}"


@functools.cache
def _help(program: str, command: str) -> str:
    return subprocess.run([program, command, "--help"], capture_output=True, text=True, check=True).stdout
