"""A workflow of a repository into a run of it by act: what became of each job and step, and what they printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from compiler.emit.github.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
ACTION_FOLDERS = HERE / "standins/actions"
SECONDS = 600


@cache
def act() -> str:
    """Return the program, which Go builds from its lock on first use and keeps in its own cache."""
    words = ["go", "-C", str(HERE / "tools"), "tool", "-n", "act"]
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    return subprocess.run(
        words, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


@dataclass
class Job:
    """What became of a job: its result, the result of each of its steps, what each printed."""

    result: str = "skipped"
    steps: dict[str, str] = field(default_factory=dict)
    printed: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def said(self, step: str) -> str:
        """Return what a step printed."""
        return "".join(self.printed.get(step, []))


@dataclass
class Run:
    """How a run ended, job by job, and all that act said."""

    code: int
    jobs: dict[str, Job]
    log: str = field(repr=False)

    #: What act leaves in `needs` for a job that did not run: its outputs as they are written. GitHub has nothing there.
    unset: frozenset[str] = frozenset()

    @property
    def results(self) -> dict[str, str]:
        """The result of each job."""
        return {name: job.result for name, job in self.jobs.items()}


def arguments(
    event: str, workflow: Path, payload: Path, cache: Path, secrets: Mapping[str, str]
) -> list[str]:
    """Return the command that runs `workflow` for an event on this machine, with a stand-in for each action."""
    words = [act(), event, "--workflows", str(workflow), "--eventpath", str(payload), "--json", "--rm"]
    words += ["--platform", "ubuntu-24.04=-self-hosted", "--action-cache-path", str(cache)]
    words += [
        "--no-cache-server",
        "--no-skip-checkout",
        "--use-new-action-cache",
        "--concurrent-jobs",
        "2",
        "--actor",
        "ada",
    ]
    words += [f"--secret={name}={value}" for name, value in secrets.items()]
    for action in ACTIONS:
        folder = ACTION_FOLDERS / action.name.rpartition("/")[2]
        if folder.is_dir():
            words.append(f"--local-repository={action.name}@{action.commit}={folder}")
    return words


def run(
    workflow: Path,
    machine: Mapping[str, object],
    words: list[str],
    environment: Mapping[str, str],
    where: Path,
) -> Run:
    """Run act by the words of `arguments` on a machine of its own (`machine.py`) and return what became of it."""
    # Nothing of a run that is ended early stays: its processes are those of one namespace.
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    alone = [
        "unshare",
        *user,
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--",
        sys.executable,
        str(HERE / "machine.py"),
        json.dumps(machine),
    ]
    done = subprocess.run(
        [*alone, *words],
        cwd=where,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    given = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    jobs = _jobs(done.stdout, given)
    left = {
        text
        for name, job in jobs.items()
        if job.result == "skipped"
        for text in given[name].get("outputs", {}).values()
    }
    return Run(done.returncode, jobs, done.stdout, frozenset(left))


def _jobs(log: str, given: Mapping[str, Any]) -> dict[str, Job]:
    """Read act's log; what it says nothing of was skipped."""
    jobs = {
        name: Job(steps={step["name"]: "skipped" for step in job["steps"]}) for name, job in given.items()
    }
    for line in log.splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        if "jobID" not in entry:
            continue
        job, step = jobs[entry["jobID"]], entry.get("step", "")
        if entry.get("raw_output"):
            job.printed.setdefault(step, []).append(entry["msg"])
        if entry.get("stage") == "Main" and len(entry.get("stepID", [])) == 1 and "stepResult" in entry:
            job.steps[step] = entry["stepResult"]
        job.result = entry.get("jobResult", job.result)
    return jobs
