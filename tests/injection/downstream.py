"""What a program behind a reader does to a text, re-implemented from its documented rule where it cannot run here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

_COMMANDS = ("add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice")
COMMANDS = {*_COMMANDS, "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning"}


def kubelet(text: str, variables: Mapping[str, str]) -> str:
    """Expand a container's `command`, `args` or value of a variable as the kubelet does.

    `$(NAME)` is a variable's value, or itself where there is none; `$$` is `$`; any other `$` is itself.
    """

    def expanded(match: re.Match[str]) -> str:
        found = match[0]
        return "$" if found == "$$" else variables.get(match[1], found) if match[1] is not None else found

    return re.sub(r"\$\$|\$\(([^)]*)\)|\$", expanded, text)


def started(document: Any) -> Any:
    """Return a Kubernetes object with what its containers are started with expanded by the kubelet."""
    if isinstance(document, list):
        return [started(item) for item in document]
    if not isinstance(document, dict):
        return document
    found = {key: started(value) for key, value in document.items()}
    if "image" not in found or "name" not in found:
        return found
    variables: dict[str, str] = {}
    found["env"] = [_variable(variable, variables) for variable in found.get("env", ())]
    for key in found.keys() & {"command", "args"}:
        found[key] = [kubelet(word, variables) for word in found[key]]
    return found


def _variable(variable: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    if "value" not in variable:
        return variable
    known[variable["name"]] = kubelet(variable["value"], known)
    return {**variable, "value": known[variable["name"]]}


def unfolded(document: Any) -> Any:
    """Return a Kubernetes object with the JSON in its files read."""
    if isinstance(document, dict) and document.get("kind") == "ConfigMap":
        files = document["data"]
        read = {name: json.loads(text) if name.endswith(".json") else text for name, text in files.items()}
        return {**document, "data": read}
    return document


def commands(output: str) -> Iterator[str]:
    """Yield every workflow command that GitHub's runner finds in what a step prints, until it is told to stop."""
    stopped = ""
    for line in output.splitlines():
        found = re.match(r"\s*::([A-Za-z0-9-]+)[^:]*(?::(?!:)[^:]*)*::(.*)", line) or re.search(
            r"##\[([A-Za-z0-9-]+)[^\]]*\](.*)", line
        )
        if found is None:
            continue
        if stopped:
            stopped = "" if found[1] == stopped else stopped
        elif found[1].lower() == "stop-commands":
            stopped = found[2]
        elif found[1].lower() in COMMANDS:
            yield line


class _Shown(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[Any] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.parts.append([tag, dict(attributes)])

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(["/" + tag])

    def handle_data(self, text: str) -> None:
        if self.parts and isinstance(self.parts[-1], str):
            self.parts[-1] += text
        else:
            self.parts.append(text)

    def handle_comment(self, text: str) -> None:
        self.parts.append(["!", text])


def shown(html: str) -> list[Any]:
    """Return what a page shows: its texts, and the tags around them."""
    parser = _Shown()
    parser.feed(html)
    parser.close()
    return parser.parts
