"""A compiled workflow, and one step of it run by bash as GitHub runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / ".github/workflows"
EVERY_FIELD = ROOT / "tests/golden/every-field/expected/.github/workflows"
ARGOCD = ROOT / "tests/golden/argocd/expected/.github/workflows"
FILES = [path for folder in (REFERENCE, EVERY_FIELD, ARGOCD) for path in sorted(folder.glob("*.yml"))]
STANDIN = Path(__file__).with_name("standin.py")

_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")


def load(path: Path) -> dict[str, Any]:
    """Return a workflow; YAML 1.1 reads its key `on` as true."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    workflow["on"] = workflow.pop(True)
    return workflow


def expand(text: object, values: dict[str, str]) -> str:
    """Put `values` in place of the expressions in `text`; every expression must be among them."""
    literal = re.compile(r"'((?:[^']|'')*)'")

    def value(match: re.Match[str]) -> str:
        if quoted := literal.fullmatch(match[1]):
            return quoted[1].replace("''", "'")
        return values[match[1]]

    return _EXPRESSION.sub(value, str(text))


@dataclass
class Result:
    """How a step ended, and what it left for the steps after it."""

    code: int
    stdout: str
    stderr: str
    outputs: dict[str, str]
    variables: dict[str, str]
    summary: str


class Machine:
    """A runner of GitHub's: a checkout, a folder for temporary files, and stand-ins on PATH."""

    def __init__(self, folder: Path, checkout: Path | None = None) -> None:
        self.folder = folder
        self.checkout = checkout or folder / "checkout"
        self.temp, self.bin = folder / "temp", folder / "bin"
        for path in (self.checkout, self.temp, self.bin):
            path.mkdir(parents=True, exist_ok=True)
        self.variables = {
            "GITHUB_REPOSITORY": "iopexses/elevaite",
            "GITHUB_SHA": "0" * 40,
            "GITHUB_REF_NAME": "develop",
        }

    def stand_in(self, name: str, *answers: tuple[str, str, int]) -> None:
        """Put a program `name` on PATH that answers a call whose words match a pattern by text and exit code.

        Of several answers to one pattern each is given once, and the last for ever; any other call is refused.
        """
        rules = self.bin / f"{name}.rules"
        rules.write_text("\n\x1e".join(f"{p}\x1f{t}\x1f{c}" for p, t, c in answers), encoding="utf-8")
        self.program(name, f'exec {sys.executable} {STANDIN} {self.bin} {name} "$@"\n')

    def program(self, name: str, script: str) -> None:
        """Put the bash script `script` on PATH as `name`."""
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{script}", encoding="utf-8")
        path.chmod(0o755)

    def calls(self, name: str) -> list[list[str]]:
        """Return how the stand-in `name` was called, in order."""
        record = self.bin / f"{name}.calls"
        lines = record.read_text(encoding="utf-8").split("\x1e") if record.exists() else []
        return [line.split("\x1f") for line in lines if line]

    def run(
        self,
        workflow: dict[str, Any],
        job: str,
        name: str,
        values: dict[str, str] | None = None,
        timeout: int = 60,
    ) -> Result:
        """Run the step `name` of `job`; `values` is what each expression in its environment comes to."""
        given = workflow["jobs"][job]
        (step,) = [step for step in given["steps"] if step["name"] == name]
        env = {**given.get("env", {}), **step.get("env", {})}
        return self.bash(step["run"], env, values or {}, timeout, step.get("working-directory", "."))

    def bash(
        self,
        script: str,
        env: dict[str, Any],
        values: dict[str, str],
        timeout: int = 60,
        where: str = ".",
    ) -> Result:
        """Run `script` as `defaults.run.shell: bash` does."""
        files = {
            key: self.folder / key.lower() for key in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")
        }
        for path in files.values():
            path.write_text("", encoding="utf-8")
        source = self.folder / "script.sh"
        source.write_text(script, encoding="utf-8")
        environment = {
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(self.temp),
            **{key: str(path) for key, path in files.items()},
            **self.variables,
            **{key: expand(value, values) for key, value in env.items()},
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(source)],
            cwd=self.checkout / where,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        return Result(
            done.returncode,
            done.stdout,
            done.stderr,
            _pairs(files["GITHUB_OUTPUT"]),
            _pairs(files["GITHUB_ENV"]),
            files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"),
        )


def _pairs(path: Path) -> dict[str, str]:
    """Read `name=value` lines and `name<<END` blocks as GitHub does."""
    pairs: dict[str, str] = {}
    lines = iter(path.read_text(encoding="utf-8").split("\n"))
    for line in lines:
        if block := re.fullmatch(r"(\w+)<<(\S+)", line):
            pairs[block[1]] = "\n".join(iter(lines.__next__, block[2]))
        elif line:
            name, _, value = line.partition("=")
            assert name.isidentifier(), f"GitHub refuses the output {line!r}"
            pairs[name] = value
    return pairs
