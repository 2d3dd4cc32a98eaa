"""Promotion: one pull request brings what was tested to the next environment; real git, a stand-in of GitHub."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.compiler.project import ROOT, copy_project, edit, gen
from tests.github.workflow import ARGOCD, REFERENCE, Machine, Result, load

HUB = Path(__file__).with_name("hub.py")
PERSON = load(REFERENCE / "elevaite-deploy-staging.yml")
APP = load(ARGOCD / "shop-deploy-staging.yml")
SERVICES = ("auth-api", "ingestion-service", "workflow-engine")


def _git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


class World:
    """The reference platform on a stand-in of GitHub: a bare repository, and a clone in which people work."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.hub, self.clone = folder, folder / "hub", folder / "clone"
        self.runs = 0

    def make(self) -> None:
        self.hub.mkdir()
        self.clone.mkdir()
        copy_project(self.clone)
        for name, text in {".gitignore": ".gen/\n", "bin/gen": "", "README.md": "one\n"}.items():
            (self.clone / name).parent.mkdir(exist_ok=True)
            (self.clone / name).write_text(text, encoding="utf-8")
        tool = (
            f'#!/bin/sh\nPYTHONPATH={ROOT} PYTHONDONTWRITEBYTECODE=1 exec {sys.executable} -m compiler "$@"\n'
        )
        (self.clone / "bin/gen").write_text(tool, encoding="utf-8")
        (self.clone / "bin/gen").chmod(0o755)
        gen(self.clone)
        _git(self.clone, "init", "--quiet", "--initial-branch=main")
        for service in SERVICES:
            self.write(f"{self.path(service)}/app.py", "1\n")
        _git(self.clone, "add", "--all")
        _git(self.clone, "commit", "--quiet", "--message=start")
        _git(self.folder, "clone", "--quiet", "--bare", str(self.clone), str(self.hub / "repo.git"))
        _git(self.clone, "remote", "add", "origin", "../hub/repo.git")
        _git(self.clone, "switch", "--quiet", "--create", "develop")
        _git(self.clone, "push", "--quiet", "origin", "develop")

    def path(self, service: str) -> str:
        platform = yaml.safe_load((self.clone / "environments/platform.yaml").read_text(encoding="utf-8"))
        return platform["services"][service]["path"]

    def write(self, path: str, text: str) -> None:
        (self.clone / path).write_text(text, encoding="utf-8")

    def push(self, branch: str, change) -> str:
        """Make a commit on `branch` as somebody's pull request does, and return it."""
        _git(self.clone, "fetch", "--quiet", "origin")
        _git(self.clone, "switch", "--quiet", "--force-create", branch, f"origin/{branch}")
        change()
        gen(self.clone)
        _git(self.clone, "add", "--all")
        _git(self.clone, "commit", "--quiet", "--message=change")
        _git(self.clone, "push", "--quiet", "origin", branch)
        return _git(self.clone, "rev-parse", "HEAD")

    def tenant(self, branch: str, environment: str, name: str) -> str:
        return self.push(
            branch, lambda: edit(self.clone / f"environments/{environment}.yaml", "iopex", f"iopex, {name}")
        )

    def promote(self, commit: str, digest: str, workflow=APP, job: str = "promote") -> Result:
        """Run the steps of the job on a runner that checked out `commit`; stop at the first that fails."""
        self.runs += 1
        machine = Machine(self.folder / f"run{self.runs}")
        _git(self.folder, "clone", "--quiet", "--no-local", str(self.hub / "repo.git"), str(machine.checkout))
        _git(machine.checkout, "checkout", "--quiet", "--detach", commit)
        machine.program("gh", f'exec {sys.executable} {HUB} {self.hub} "$@"\n')
        machine.program("gen", 'exec bin/gen "$@"\n')
        machine.program("make", "exit 0\n")
        machine.variables["GITHUB_SHA"] = commit
        digests = "\n".join(f"{service}=sha256:{digest * 64}" for service in SERVICES)
        values = {
            "needs.deploy.outputs.digests": digests,
            **{f"needs.build-{name}.outputs.digest": "" for name in ("orders", "website")},
            "github.token": "token",
            "steps.token.outputs.token": "app",
            "github.server_url": "https://github.com",
            "github.repository": "iopexses/elevaite",
            "github.run_id": "7",
        }
        given = workflow["jobs"][job]
        last = Result(0, "", "", {}, {}, "")
        summary = ""
        for step in given["steps"]:
            if "run" not in step or not self._wanted(step.get("if", ""), values):
                continue
            env = {**given["env"], **step.get("env", {})}
            env = {**env, "DIGESTS": digests}
            last = machine.bash(step["run"], env, values)
            summary += last.summary
            for name, value in last.outputs.items():
                values[f"steps.{step.get('id')}.outputs.{name}"] = value
            if last.code:
                break
        said = values.get("steps.written.outputs.said") or values.get("steps.pin.outputs.said", "")
        outputs = {"state": values.get("steps.pin.outputs.state", ""), "said": said}
        return Result(last.code, last.stdout, last.stderr, outputs, {}, summary)

    @staticmethod
    def _wanted(condition: str, values: dict[str, str]) -> bool:
        """Judge the few forms of `if` that the job has."""
        if not condition:
            return True
        parts = condition.removeprefix("${{ ").removesuffix(" }}").split(" || ")
        return any(
            values.get(part.split(" == ")[0], "") == part.split(" == ")[1].strip("'") for part in parts
        )

    @property
    def pulls(self) -> list[dict]:
        path = self.hub / "pulls.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    def merge(self, number: int, *, squash: bool = False, delete: bool = True) -> None:
        """Merge a pull request as a person does on GitHub."""
        pulls = self.pulls
        pull = pulls[number - 1]
        _git(self.clone, "fetch", "--quiet", "--prune", "origin")
        _git(self.clone, "switch", "--quiet", "--force-create", "main", "origin/main")
        _git(
            self.clone,
            "merge",
            "--quiet",
            *(["--squash"] if squash else ["--no-edit", "--no-ff"]),
            f"origin/{pull['head']}",
        )
        if squash:
            _git(self.clone, "commit", "--quiet", "--message=squashed")
        _git(self.clone, "push", "--quiet", "origin", "main")
        if delete:
            _git(self.clone, "push", "--quiet", "origin", "--delete", pull["head"])
        pull["state"] = "closed"
        (self.hub / "pulls.json").write_text(json.dumps(pulls), encoding="utf-8")

    def show(self, branch: str, path: str) -> str:
        return _git(self.hub / "repo.git", "show", f"{branch}:{path}")

    def in_sync(self, branch: str) -> None:
        """Require that what `branch` holds is what `gen` makes of it."""
        _git(self.clone, "fetch", "--quiet", "origin")
        _git(self.clone, "switch", "--quiet", "--detach", f"origin/{branch}")
        gen(self.clone, "--check")
        _git(self.clone, "switch", "--quiet", "develop")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = World(tmp_path_factory.mktemp("world"))
    world.make()
    return world.folder


@pytest.fixture
def world(first: Path, tmp_path: Path) -> World:
    shutil.copytree(first, tmp_path, dirs_exist_ok=True, symlinks=True)
    return World(tmp_path)


def test_one_pull_request_starts_at_the_target_and_grows(world: World) -> None:
    first = world.push("develop", lambda: world.write("README.md", "two\n"))
    done = world.promote(first, "1")
    assert done.code == 0, done.stderr
    assert done.outputs == {"state": "pinned", "said": "pull request #1 into main brings it to production"}
    (pull,) = world.pulls
    assert (pull["base"], pull["head"], pull["state"]) == ("main", "promote/production", "open")
    assert f"| auth-api | `sha256:{'1' * 64}` |" in pull["body"]
    assert "[this run](https://github.com/iopexses/elevaite/actions/runs/7)" in pull["body"]

    second = world.tenant("develop", "staging", "guest")
    assert world.promote(second, "2").code == 0
    (pull,) = world.pulls
    assert second in pull["body"]
    assert world.show("promote/production", "environments/production.images.yaml").count("2" * 64) == 3
    history = _git(world.hub / "repo.git", "log", "--format=%s", "--first-parent", "main..promote/production")
    assert history.splitlines() == [
        "Pin production to what was tested",
        f"Merge {second} for production",
        "Pin production to what was tested",
        f"Merge {first} for production",
    ]
    world.in_sync("promote/production")


def test_the_pins_are_one_commit_of_two_files_which_can_be_reverted(world: World) -> None:
    commit = world.push("develop", lambda: world.write("README.md", "two\n"))
    assert world.promote(commit, "1").code == 0
    changed = _git(
        world.hub / "repo.git", "show", "--format=", "--name-only", "promote/production"
    ).splitlines()
    assert changed == ["environments/production.images.yaml", "out/production/chart/images.yaml"]
    world.merge(1)
    world.in_sync("main")
    _git(world.clone, "switch", "--quiet", "--force-create", "back", "origin/main")
    pin = _git(world.clone, "log", "--format=%H", "--grep=^Pin production", "--max-count=1")
    _git(world.clone, "revert", "--no-edit", pin)
    gen(world.clone, "--check")


def test_three_rounds_with_tenants_on_both_sides_between_stay_in_sync(world: World) -> None:
    for number in (1, 2, 3):
        world.tenant("main", "production", f"p{number}")
        commit = world.tenant("develop", "staging", f"s{number}")
        done = world.promote(commit, str(number))
        assert done.code == 0, done.stderr
        world.in_sync("promote/production")
        world.merge(number)
        world.in_sync("main")
        assert world.show("main", "environments/production.images.yaml").count(str(number) * 64) == 3


def test_main_that_moved_is_merged_in(world: World) -> None:
    assert world.promote(world.tenant("develop", "staging", "a"), "1").code == 0
    world.tenant("main", "production", "hotfix")
    assert world.promote(world.tenant("develop", "staging", "b"), "2").code == 0
    assert "hotfix" in world.show("promote/production", "environments/production.yaml")
    world.in_sync("promote/production")


def test_nothing_new_opens_nothing(world: World) -> None:
    commit = world.tenant("develop", "staging", "a")
    assert world.promote(commit, "1").code == 0
    world.merge(1)
    done = world.promote(commit, "1")
    assert done.code == 0
    assert done.outputs["state"] == "nothing"
    assert done.outputs["said"] == "nothing new for production: main holds these digests and this commit"
    assert len(world.pulls) == 1
    assert "promote/production" not in _git(world.hub / "repo.git", "branch")


def test_after_a_squash_the_left_over_branch_is_no_beginning(world: World) -> None:
    assert world.promote(world.push("develop", lambda: world.write("one.md", "1\n")), "1").code == 0
    world.merge(1, squash=True, delete=False)
    done = world.promote(world.push("develop", lambda: world.write("two.md", "2\n")), "2")
    assert done.code == 0, done.stderr
    assert [pull["state"] for pull in world.pulls] == ["closed", "open"]
    world.in_sync("promote/production")


def test_an_older_run_that_is_started_again_takes_nothing_back(world: World) -> None:
    older = world.tenant("develop", "staging", "a")
    newer = world.tenant("develop", "staging", "b")
    assert world.promote(newer, "2").code == 0
    done = world.promote(older, "1")
    assert done.code == 0
    assert done.outputs["state"] == "older"
    assert world.show("promote/production", "environments/production.images.yaml").count("2" * 64) == 3


def test_the_same_commit_built_anew_moves_the_pins(world: World) -> None:
    commit = world.tenant("develop", "staging", "a")
    assert world.promote(commit, "1").code == 0
    assert world.promote(commit, "3").code == 0
    assert world.show("promote/production", "environments/production.images.yaml").count("3" * 64) == 3


def test_a_conflict_is_named_and_left_to_a_person(world: World) -> None:
    world.push("main", lambda: world.write("README.md", "hotfix\n"))
    commit = world.push("develop", lambda: world.write("README.md", "develop\n"))
    done = world.promote(commit, "1")
    assert done.code == 1
    assert done.outputs["said"] == "merging into main conflicts in: README.md"
    assert f"git merge --no-edit {commit}" in done.summary
    assert world.pulls == []
    assert "promote/production" not in _git(world.hub / "repo.git", "branch")


def _push_meanwhile(world: World, path: str, text: str) -> None:
    """Let somebody push to the promotion branch just before the commit is made."""
    (world.hub / "race").write_text(
        f"git clone --quiet --branch promote/production {world.hub}/repo.git other\ncd other\n"
        f"echo {text} >> {path}\ngit add {path}\n"
        "git -c user.name=x -c user.email=x@example.com commit --quiet --message=meanwhile\ngit push --quiet\n",
        encoding="utf-8",
    )


def test_a_push_at_the_same_moment_is_kept(world: World) -> None:
    _push_meanwhile(world, "README.md", "three")
    done = world.promote(world.tenant("develop", "staging", "a"), "1")
    assert done.code == 0, done.stderr
    assert "three" in world.show("promote/production", "README.md")
    assert world.show("promote/production", "environments/production.images.yaml").count("1" * 64) == 3
    calls = (world.hub / "calls").read_text(encoding="utf-8")
    assert calls.count("api graphql") == 2


def test_pins_that_somebody_moved_at_the_same_moment_are_not_overwritten(world: World) -> None:
    _push_meanwhile(world, "environments/production.images.yaml", "'# mine'")
    done = world.promote(world.tenant("develop", "staging", "a"), "1")
    assert done.code == 1
    assert done.outputs["said"] == "Somebody changed the pins on promote/production meanwhile: re-run this"
    assert "# mine" in world.show("promote/production", "environments/production.images.yaml")


def test_nothing_is_ever_forced(world: World) -> None:
    assert world.promote(world.tenant("develop", "staging", "a"), "1").code == 0
    assert world.promote(world.tenant("develop", "staging", "b"), "2").code == 0
    calls = (world.hub / "calls").read_text(encoding="utf-8")
    assert "--force" not in calls
    assert "force=" not in calls
    assert "DELETE" not in calls
    assert "repos/iopexses/elevaite/git/refs/heads/main" not in calls


def test_a_person_gets_commands_that_do_the_same(world: World) -> None:
    commit = world.tenant("develop", "staging", "a")
    done = world.promote(commit, "1", PERSON)
    assert done.code == 0, done.stderr
    assert done.outputs["state"] == "pinned"
    assert "a person runs the commands" in done.outputs["said"]
    assert world.pulls == []

    commands = done.summary.split("```sh\n")[1].split("```")[0]
    laptop = Machine(world.folder / "laptop")
    _git(world.folder, "clone", "--quiet", str(world.hub / "repo.git"), str(laptop.checkout))
    for key, value in {
        "user.name": "Ann",
        "user.email": "ann@example.com",
        "commit.gpgsign": "false",
    }.items():
        _git(laptop.checkout, "config", key, value)
    laptop.stand_in("gh", ("pr create --base main --head promote/production", "", 0))
    ran = laptop.bash("set -euo pipefail\n" + commands, {}, {})
    assert ran.code == 0, ran.stderr
    assert len(laptop.calls("gh")) == 1
    assert world.show("promote/production", "environments/production.images.yaml").count("1" * 64) == 3
    world.in_sync("promote/production")


def test_an_environment_of_argo_cd_that_builds_pins_itself_by_the_same_way() -> None:
    job = APP["jobs"]["pin"]
    assert job["env"]["TARGET"] == "staging"
    assert job["env"]["BRANCH"] == "pin/staging"
    names = [step["name"] for step in job["steps"]]
    assert names == [step["name"] for step in APP["jobs"]["promote"]["steps"]]
    assert APP["jobs"]["deploy"]["if"] == "${{ needs.pin.outputs.state == 'nothing' }}"


def test_the_token_of_the_app_reaches_only_the_step_that_writes() -> None:
    for job in (APP["jobs"]["promote"], APP["jobs"]["pin"]):
        assert job["permissions"] == {"contents": "read", "pull-requests": "read"}
        holders = [step["name"] for step in job["steps"] if "steps.token" in str(step.get("env"))]
        assert holders == ["Write the branch"]
        runs = [step["name"] for step in job["steps"] if "run" in step]
        assert runs.index("Pin the digests") < runs.index("Write the branch")


def test_facts_of_production_are_read_when_it_runs() -> None:
    """Otherwise an edit of production.yaml would change the workflow of staging."""
    text = (REFERENCE / "elevaite-deploy-staging.yml").read_text(encoding="utf-8")
    assert '"main"' not in text
