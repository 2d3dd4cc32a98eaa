"""This checkout's reference platform into a repository with a machine of its own, whose workflows act runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.engine.clone import head
from tests.workflows import act
from tests.workflows.origin import UV, environment, git, with_uv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from genlint.tools.model import Tools
    from tests.postgres import Server

STANDINS = act.HERE / "standins"
HOOK = 18999
SECRETS = {
    "STAGING_KUBECONFIG": "clusters: [here]",
    "PRODUCTION_KUBECONFIG": "clusters: [here]",
    "SLACK_WEBHOOK_URL": f"http://127.0.0.1:{HOOK}/hook",
    "GITHUB_TOKEN": "token-of-the-run",
}


@dataclass
class Place:
    """One repository with its machine; `folder` keeps a clone, `state` what the stand-ins recorded."""

    folder: Path
    origin: Path
    server: Server
    tools: Tools
    clone: Path = field(init=False)
    state: Path = field(init=False)
    last: act.Run = field(init=False)

    def __post_init__(self) -> None:
        """Give the place a repository of its own, and a clone of it."""
        self.state, self.clone = self.folder / "state", self.folder / "elevaite"
        self.state.mkdir(parents=True)
        git(self.folder, "clone", "--quiet", "--bare", str(self.origin), "state/repo.git")
        git(self.state / "repo.git", "config", "uploadpack.allowAnySHA1InWant", "true")
        git(self.folder, "clone", "--quiet", "--branch", "develop", "state/repo.git", "elevaite")

    # --- the sources ---------------------------------------------------------------------------------------

    def commit(self, branch: str, message: str = "Change") -> str:
        """Commit what is in the clone to a branch of the repository and return the commit."""
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--allow-empty", "--message", message)
        git(
            self.clone,
            "push",
            "--quiet",
            "--force",
            str(self.state / "repo.git"),
            f"HEAD:refs/heads/{branch}",
        )
        return git(self.clone, "rev-parse", "HEAD")

    def commit_of(self, branch: str) -> str:
        """Return the commit of a branch of the repository."""
        return git(self.state / "repo.git", "rev-parse", f"refs/heads/{branch}")

    def add_revision(self, service: str, revision: str, slug: str, parent: str, upgrade: str = "pass") -> str:
        """Write a revision of a service; `upgrade` is the body of its upgrade(). Returns its path."""
        path = f"python_apps/{service}/migrations/versions/{revision}_{slug}.py"
        text = (
            f'"""{slug}"""\n\nfrom alembic import op\n\nrevision = "{revision}"\ndown_revision = "{parent}"\n'
            f"branch_labels = None\ndepends_on = None\n\n\ndef upgrade() -> None:\n    {upgrade}\n\n\n"
            "def downgrade() -> None:\n    pass\n"
        )
        (self.clone / path).write_text(text, encoding="utf-8")
        return path

    def head(self, service: str) -> str:
        """Return the one head of a service."""
        return head(self.clone / f"python_apps/{service}/migrations/versions")

    # --- runs ----------------------------------------------------------------------------------------------

    def pull_request(self) -> act.Run:
        """Run the check of a pull request of what is committed."""
        commit = self.commit("change")
        payload = {
            "number": 7,
            "pull_request": {
                "number": 7,
                "head": {"ref": "change", "sha": commit},
                "base": {"ref": "develop"},
            },
        }
        return self._run("pull_request", "elevaite-pull-request.yml", payload)

    def review(self, base: str, workflow: str, reviews: Sequence[Mapping[str, object]]) -> act.Run:
        """Run what a review of the pull request of `change` into `base` starts."""
        head = {"ref": "change", "sha": self.commit("change")}
        pull = {"number": 7, "user": {"login": "ada"}, "head": head, "base": {"ref": base}}
        (self.state / "reviews.json").write_text(json.dumps(reviews), encoding="utf-8")
        self._program("gh")
        return self._run("pull_request_review", workflow, {"action": "submitted", "pull_request": pull})

    def push(self, branch: str, workflow: str, *, moved_on: bool = False, **cluster: object) -> act.Run:
        """Run what a push to `branch` starts, with a cluster as `standins/cluster.py` describes it.

        `moved_on`: somebody pushed once more before the run began.
        """
        commit, repository = self.commit(branch), self.state / "repo.git"
        if moved_on:
            newer = git(repository, "commit-tree", f"{commit}^{{tree}}", "-p", commit, "-m", "Newer")
            git(repository, "update-ref", f"refs/heads/{branch}", newer)
        (self.state / "cluster.json").write_text(
            json.dumps({"fail": False, "log": "", **cluster}), encoding="utf-8"
        )
        for name in ("kubectl", "gh", "sleep"):
            self._program(name)
        return self._run("push", workflow, {"ref": f"refs/heads/{branch}"})

    def _run(self, event: str, name: str, payload: Mapping[str, object]) -> act.Run:
        workflow = self.clone / ".github/workflows" / name
        for left in (*self.state.glob("*.jsonl"), *self.state.glob("signed-in-*")):
            left.unlink()
        shutil.rmtree(self.state / "installed", ignore_errors=True)
        git(self.clone, "remote", "set-url", "origin", "https://github.com/iopexses/elevaite.git")
        path = self.folder / "event.json"
        path.write_text(json.dumps(payload), encoding="utf-8")
        words = act.arguments(event, workflow, path, self.folder / "act", SECRETS)
        self._program("bash")
        for name in ("helm", "docker"):
            self._program(name, "later")
        variables = {
            **environment(),
            "PATH": f"{self.state / 'bin'}:{environment()['PATH']}",
            "STATE": str(self.state),
            "STANDINS": str(STANDINS),
            "STANDIN_PYTHON": sys.executable,
            "UV_AT_HAND": str(UV),
            "UV_OFFLINE": "1",
            "HELM_AT_HAND": str(self.tools.programs["helm"]),
            "HELM_VERSION": self.tools.versions["helm"],
            "HELM_STANDIN": str(self.state / "later/helm"),
            "DOCKER_STANDIN": str(self.state / "later/docker"),
        }
        machine = {"hook": HOOK, "state": str(self.state), "postgres": self._postgres(workflow)}
        self.last = act.run(workflow, machine, words, variables, self.clone)
        return self.last

    def _program(self, name: str, where: str = "bin") -> None:
        """Put a stand-in where it is found at once, or where an action finds it later."""
        scripts = {
            "gh": f'exec "$STANDIN_PYTHON" {act.HERE.parent / "github/hub.py"} "$STATE" "$@"\n',
            "sleep": f"exec {shutil.which('sleep')} 0.2\n",
            # act reads a step's terminal until the step ends, and may lose what was said in the last moment.
            "bash": f'/bin/bash "$@"\ncode=$?\n{shutil.which("sleep")} 0.1\nexit "$code"\n',
        }
        path = self.state / where / name
        path.parent.mkdir(exist_ok=True)
        script = scripts.get(name, f'exec "$STANDIN_PYTHON" "$STANDINS/{name}.py" "$@"\n')
        path.write_text(f"#!/bin/bash\n{script}", encoding="utf-8")
        path.chmod(0o755)

    def _postgres(self, workflow: Path) -> dict[str, Any] | None:
        """Make the database that the jobs' service containers would bring; act starts none on this machine."""
        jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
        services = [job["services"]["postgres"] for job in jobs if "services" in job]
        if not services:
            return None
        assert all(service == services[0] for service in services)
        variables, (ports,) = services[0]["env"], services[0]["ports"]
        assert variables.keys() == {"POSTGRES_DB", "POSTGRES_HOST_AUTH_METHOD"}
        assert variables["POSTGRES_HOST_AUTH_METHOD"] == "trust"
        address, port, inside = ports.split(":")
        assert (address, inside) == ("127.0.0.1", "5432")
        database = variables["POSTGRES_DB"]
        self.server.query(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        self.server.query(f'CREATE DATABASE "{database}"')
        return {"port": int(port), "socket": str(self.server.folder / f"data/.s.PGSQL.{self.server.port}")}

    def migrate(self, environ: str, code: int) -> str:
        """Run an environment's compiled migrations from empty databases, as its Job does, and return their log."""
        plan = json.loads((self.clone / f"out/{environ}/plan.json").read_text(encoding="utf-8"))
        variables = {plan["tenants_env"]: ",".join(plan["tenants"])}
        for service in plan["services"]:
            self.server.query(f'DROP DATABASE IF EXISTS "{service["database"]}" WITH (FORCE)')
            self.server.query(f'CREATE DATABASE "{service["database"]}"')
            variables[service["url_env"]] = self.server.url(service["database"])
        last_word = self.folder / "termination-log"
        words = [
            "-m",
            "genmigrate",
            "upgrade",
            f"--plan=out/{environ}/plan.json",
            f"--termination-log={last_word}",
        ]
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.clone,
            env={**with_uv(self.folder), **variables, "PYTHONPATH": f"out/{environ}/runner"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    # --- what was recorded ---------------------------------------------------------------------------------

    def recorded(self, name: str) -> list[dict[str, Any]]:
        """Return what a stand-in recorded in the last run, in order."""
        path = self.state / f"{name}.jsonl"
        return (
            [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            if path.exists()
            else []
        )

    def calls(self, name: str) -> list[list[str]]:
        """Return how a program was called in the last run, in order."""
        return [call["words"] for call in self.recorded(name)]

    def told(self) -> list[str]:
        """Return the texts that the last run posted to the team, without what act alone puts there (`Run.unset`)."""
        texts = [message["text"] for message in self.recorded("posted")]
        return [
            "\n".join(line for line in text.split("\n") if line.strip("`") not in self.last.unset)
            for text in texts
        ]

    def delete_jobs(self) -> None:
        """Do what the runbook says of a Job that failed, so that Argo CD makes it anew."""
        file = self.state / "running.json"
        state = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**state, "jobs": {}}), encoding="utf-8")

    def serving(self) -> dict[str, str]:
        """Return the image that each Deployment of the cluster runs."""
        state = json.loads((self.state / "running.json").read_text(encoding="utf-8"))
        pods = {name: document["spec"]["template"]["spec"] for name, document in state["deployments"].items()}
        return {name: pod["containers"][0]["image"] for name, pod in pods.items()}
