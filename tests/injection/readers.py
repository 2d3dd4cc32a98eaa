"""Texts of outputs into what their real readers hold of them, as plain data."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

KUBERNETES = "1.34.0"


@dataclass(frozen=True)
class Readers:
    """Where the readers lie: scripts of node, the loader of Compose, helm; `home` is a home of their own."""

    scripts: Path
    compose_program: Path
    helm_program: Path
    home: Path

    def node(self, script: str, texts: Mapping[str, str]) -> dict[str, Any]:
        """Let a script of ours read `texts` by name."""
        done = self._run(["node", str(self.scripts / f"{script}.mjs")], given=json.dumps(texts))
        return json.loads(done)

    def node_env(self, path: Path) -> dict[str, str]:
        """Let node itself read a `.env` file; returns only what the file sets."""
        program = "process.stdout.write(JSON.stringify(process.env))"
        found = json.loads(self._run(["node", f"--env-file={path}", "-e", program]))
        return {name: value for name, value in found.items() if name not in self._environment()}

    def compose_env(self, paths: list[Path]) -> list[dict[str, str]]:
        return json.loads(self._run([str(self.compose_program), "--env", *map(str, paths)]))

    def bash_env(self, path: Path) -> dict[str, str]:
        """Let bash source a `.env` file; returns only what the file sets."""
        program = 'set -a; . "$1"; exec env -0 -u _ -u SHLVL -u PWD -u OLDPWD'
        text = self._run(["bash", "-eu", "-c", program, "bash", str(path)])
        found = dict(entry.split("=", 1) for entry in text.split("\0") if entry)
        return {name: value for name, value in found.items() if name not in self._environment()}

    def compose(self, paths: list[Path], variables: Mapping[str, str]) -> list[dict[str, Any]]:
        """Let Docker Compose's loader read files, each as if it lay at `/project`."""
        return json.loads(self._run([str(self.compose_program), *map(str, paths)], variables=variables))

    def helm(self, chart: Path) -> str:
        """Render a chart whose digests lie beside it in `values.json`."""
        values = f"--values={chart.parent / 'values.json'}"
        command = [str(self.helm_program), "template", "x", str(chart), "--kube-version", KUBERNETES, values]
        return self._run(command)

    def helm_all(self, charts: list[Path]) -> list[str]:
        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(self.helm, charts))

    def _environment(self) -> dict[str, str]:
        names = ("HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        return {
            "PATH": "/usr/bin:/bin:/usr/local/bin",
            "LANG": "C.UTF-8",
            **{name: str(self.home) for name in names},
        }

    def _run(self, command: list[str], given: str = "", variables: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=self.home,
            env={**self._environment(), **(variables or {})},
            input=given.encode(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr.decode(errors="replace")[-3000:])
        return done.stdout.decode()


class _Loader(yaml.CSafeLoader):
    """YAML 1.1 as PyYAML has it; a key that stands twice is a mistake, and `on` is the only word that may be a key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(set(found)) == len(found), f"a key stands twice: {found}"
        mapping = super().construct_mapping(node, deep=deep)
        return {"on" if key is True else key: value for key, value in mapping.items()}


_Loader.add_constructor(
    "tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node, deep=True)
)


@cache
def yaml_1_1(text: str) -> list[Any]:
    """Return the documents of a text as a reader of YAML 1.1 has them; whoever gets them leaves them as they are."""
    return list(yaml.load_all(text, _Loader))


def yaml_1_2(text: str) -> list[Any]:
    """Return the documents of a text as ruamel has them, a reader of YAML 1.2."""
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return list(reader.load_all(text))
