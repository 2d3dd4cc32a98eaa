"""Outputs and pages into every command that they call, print or show: the words, and where they stand."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.calls.shell import commands, functions

_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_VARIABLE = re.compile(r"\$(\w+)")
_PLACEHOLDER = re.compile(r"<[^<>\n]+>")
# A step that prints commands for a person names these; other words that it prints are text.
_PRINTED = ("git", "gh", "helm", "kubectl", "npm", "docker")


@dataclass(frozen=True)
class Call:
    """One command: where it stands, who reads it there, and its words. `local` names what the script defines.

    Within a line of text a command may only be named, without what it needs.
    """

    where: str
    reader: str
    words: tuple[str, ...]
    local: frozenset[str] = frozenset()


def calls(files: dict[str, str], tool: str) -> list[Call]:
    """Return every command in `files`, which are given by their paths in the repository."""
    found: list[Call] = []
    for path, text in sorted(files.items()):
        if path.startswith(".github/workflows/"):
            found += _workflow(path, text, tool)
        elif re.fullmatch(r"out/[^/]+/compose\.yaml", path):
            found += _compose(path, text)
        elif _is_template(path):
            found += _chart(path, text)
        elif path == "package.json":
            scripts = json.loads(text).get("scripts", {})
            found += [
                Call(f"{path}: {name}", "npm", tuple(shlex.split(line))) for name, line in scripts.items()
            ]
        elif path.endswith(".md"):
            found += page(path, text, tool)
    return found


def _workflow(path: str, text: str, tool: str) -> Iterator[Call]:
    for name, job in yaml.load(text, yaml.CSafeLoader)["jobs"].items():
        for service in job.get("services", {}).values():
            for command in re.findall(r'--health-cmd "([^"]+)"', service.get("options", "")):
                yield Call(f"{path}: {name}", "container", tuple(shlex.split(command)))
        for step in job["steps"]:
            given = {**job.get("env", {}), **step.get("env", {})}
            known = {key: text for key, text in given.items() if not set(str(text)) & {"$", "\n"}}
            yield from _script(f"{path}: {name}: {step['name']}", step.get("run", ""), known, tool)


def _script(where: str, script: str, known: dict[str, str], tool: str) -> Iterator[Call]:
    """Return the commands of a step; a variable that the workflow gives a fixed value stands for it."""
    own = frozenset(functions(script))
    for written in commands(script):
        words = tuple(_VARIABLE.sub(lambda name: known.get(name[1], name[0]), word) for word in written)
        yield Call(where, "runner", words, own)
        if words[0] in ("echo", "printf"):
            for text in words[1:]:
                if text.split()[:1] and text.split()[0] in (*_PRINTED, tool.split()[0]):
                    for printed in commands(_PLACEHOLDER.sub("WORD", text)):
                        yield Call(f"{where} (printed)", "person", printed)


def _compose(path: str, text: str) -> Iterator[Call]:
    for name, service in yaml.load(text, yaml.CSafeLoader)["services"].items():
        test = service.get("healthcheck", {}).get("test", ["CMD"])
        assert test[0] == "CMD", "a health check is a list of words"
        for command in (service.get("entrypoint"), service.get("command"), test[1:]):
            if command:
                yield Call(f"{path}: {name}", "container", tuple(command))


def _chart(path: str, text: str) -> Iterator[Call]:
    for document in yaml.load_all(text, yaml.CSafeLoader):
        pod = document.get("spec", {}).get("template", {}).get("spec", {})
        for container in [*pod.get("initContainers", []), *pod.get("containers", [])]:
            if words := [*container.get("command", []), *container.get("args", [])]:
                yield Call(f"{path}: {container['name']}", "container", tuple(words))
            for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
                if words := container.get(kind, {}).get("exec", {}).get("command"):
                    yield Call(f"{path}: {container['name']}: {kind}", "container", tuple(words))


def page(path: str, text: str, tool: str) -> Iterator[Call]:
    """Return the commands of the blocks of a page, and those within its lines that call the tool or npm."""
    for language, _, body in blocks(text):
        lines = body
        if language == "console":
            lines = "".join(f"{line[2:]}\n" for line in body.splitlines() if line.startswith("$ "))
        elif language != "sh":
            continue
        for words in commands(_PLACEHOLDER.sub("WORD", lines)):
            yield Call(path, "person", words)
    for span in _SPAN.findall(_FENCE.sub("", text)):
        if re.match(rf"({re.escape(tool)}|gen|uv run gen|npm run) \S", span) and "`" not in span:
            for words in commands(_PLACEHOLDER.sub("WORD", span).replace("…", "WORD")):
                yield Call(f"{path}: {span}", "named", words)


def blocks(text: str) -> list[tuple[str, str, str]]:
    """Return the fenced blocks of a page: their language, what follows it on that line, their lines."""
    return [(language, mark.strip(), body) for language, mark, body in _FENCE.findall(text)]


def objects(files: dict[str, str]) -> list[dict[str, Any]]:
    """Return every object of the charts in `files`; what Helm fills in stands as it was written."""
    return [
        document
        for path, text in files.items()
        if _is_template(path)
        for document in yaml.load_all(text, yaml.CSafeLoader)
    ]


def _is_template(path: str) -> bool:
    return bool(re.fullmatch(r"out/[^/]+/chart/templates/.*\.yaml", path))
