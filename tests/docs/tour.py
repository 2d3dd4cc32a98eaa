"""A page into the commands that it shows, run in order in a clone of the repository as its reader would run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.calls.find import blocks
from tests.compiler.project import ROOT

# What a block `sh` says after its language: why its commands are not run by the test of their page.
MARKS = {
    "needs-cluster": "they ask or change a Kubernetes cluster",
    "needs-database": "they start PostgreSQL and the services, as tests/native does, or follow such a start",
    "needs-github": "they ask or change the repository on GitHub",
    "needs-network": "they install what the repository needs",
}
# Words in capitals that a reader replaces; the test does, and runs the block then.
FILL_IN = "fill-in"


@dataclass
class Step:
    """A command with the lines that are shown below it, or a file that is written."""

    command: str = ""
    shown: list[str] = field(default_factory=list)
    path: str = ""
    text: str = ""


def steps(page: str) -> list[Step]:
    """Return what a reader does with the blocks `console`, `yaml <path>` and `sh fill-in` of a page."""
    found: list[Step] = []
    for language, mark, body in blocks(page):
        if language == "yaml" and mark:
            found.append(Step(path=mark, text=body))
        elif language == "sh" and mark == FILL_IN:
            found += [Step(line) for line in body.splitlines()]
        elif language == "console":
            for line in body.splitlines():
                if line.startswith("$ "):
                    found.append(Step(line[2:]))
                else:
                    found[-1].shown.append(line)
    return found


class Clone:
    """A clone of what is committed and what is not yet, in which a page is followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        self.environment |= {"PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}", "UV_NO_SYNC": "1"}
        self.environment.pop("VIRTUAL_ENV", None)
        self.values: dict[str, str] = {}
        run = {"check": True, "capture_output": True}
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(folder)], **run)
        listed = subprocess.run(
            ["git", "ls-files", "-mo", "--exclude-standard", "-z"], cwd=ROOT, text=True, **run
        )
        for name in filter(None, listed.stdout.split("\0")):
            (folder / name).unlink(missing_ok=True)
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes((ROOT / name).read_bytes())
        (folder / ".venv").symlink_to(ROOT / ".venv")
        for name, value in {"name": "A", "email": "a@example.com"}.items():
            self.run(f"git config user.{name} {value}")
        self.run(
            "git config commit.gpgsign false && git add --all && git commit --quiet --allow-empty -m clone"
        )

    def run(self, command: str, code: int = 0) -> str:
        """Run a command as a shell does, and return what it said."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"$ {command}\n{said}"
        return said

    def follow(self, page: str) -> int:
        """Do what `page` says, in order, and require what it shows; returns the number of commands."""
        todo = steps(page)
        for step in todo:
            if step.path:
                (self.folder / step.path).write_text(step.text, encoding="utf-8")
            else:
                self._run(step)
        return len([step for step in todo if step.command])

    def _run(self, step: Step) -> None:
        command = re.sub(r"\b[A-Z]{4,}\b", lambda word: self.values.get(word[0], word[0]), step.command)
        code = next((int(line[5:]) for line in step.shown if line.startswith("exit ")), 0)
        said = self.run(command, code).splitlines()
        for line in step.shown:
            # A line that ends in `…` is the beginning of one; alone it stands for lines that are left out.
            there = any(one.startswith(line[:-1]) for one in said) if line.endswith("…") else line in said
            assert there or line.startswith("exit "), "\n".join([command, *said])

    def pin(self, environment: str) -> None:
        """Pin other digests and commit them, as a promotion does; the words in capitals get their values."""
        plan = json.loads((self.folder / f"out/{environment}/plan.json").read_text(encoding="utf-8"))
        service, digest = plan["services"][0]["name"], "0" * 64
        self.run(
            f"gen image pin {service}=sha256:{digest} -e {environment} && git commit --quiet --all -m pin"
        )
        commit = self.run("git rev-parse HEAD").strip()
        self.values = {"SERVICE": service, "DIGEST": "1" * 64, "COMMIT": commit}
