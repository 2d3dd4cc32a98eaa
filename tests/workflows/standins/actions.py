"""Stands in for the actions of others: does the part that can be done without GitHub's network, and records the call.

`actions.py NAME`, with the action's inputs as variables; `STATE` is the folder that the test reads afterwards.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ["STATE"])
BIN = STATE / "installed" / os.environ["GITHUB_JOB"]


def run(*words: str) -> str:
    """Run a program to its end and return what it printed."""
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def record(name: str, **fields: object) -> None:
    """Write down one call."""
    line = json.dumps({"job": os.environ["GITHUB_JOB"], "action": name, **fields})
    with (STATE / "actions.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def install(name: str, program: str) -> None:
    """Put a program on the PATH of the steps that follow in this job."""
    BIN.mkdir(parents=True, exist_ok=True)
    (BIN / name).symlink_to(program)
    with Path(os.environ["GITHUB_PATH"]).open("a", encoding="utf-8") as file:
        file.write(f"{BIN}\n")


def refuse(reason: str) -> None:
    """End the step as a failed action does."""
    sys.exit(f"::error::{reason}")


def checkout() -> None:
    """Fetch the commit of this run or of `ref`, with depth 0 every branch too, and check it out under its branch."""
    depth, sha, ref = os.environ["DEPTH"], os.environ["GITHUB_SHA"], os.environ["GITHUB_REF"]
    if os.environ["REF"]:
        sha, ref = os.environ["REF"], "refs/pull/head"
    local = ref.replace("refs/heads/", "refs/remotes/origin/").replace("refs/pull/", "refs/remotes/pull/")
    run("git", "init", "--quiet")
    run("git", "remote", "add", "origin", (STATE / "repo.git").as_uri())
    if depth == "0":
        run("git", "fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*")
    # The branch may have moved on since.
    shallow = [] if depth == "0" else [f"--depth={depth}"]
    run("git", "fetch", "--quiet", *shallow, "origin", f"+{sha}:{local}")
    if ref.startswith("refs/heads/"):
        run("git", "checkout", "--quiet", "-B", ref.removeprefix("refs/heads/"), local)
    else:
        run("git", "checkout", "--quiet", "--detach", local)
    record("checkout", depth=depth, persist=os.environ["PERSIST"], commit=run("git", "rev-parse", "HEAD"))


def setup_uv() -> None:
    """Install uv, if the one at hand is the version that was asked for."""
    version = os.environ["VERSION"]
    if run(os.environ["UV_AT_HAND"], "--version").split()[1] != version:
        refuse(f"this machine has no uv {version}")
    install("uv", os.environ["UV_AT_HAND"])
    record("setup-uv", version=version)


def setup_go() -> None:
    """Look whether the Go at hand is at least as new as was asked for."""
    version = os.environ["VERSION"]
    found = run("go", "env", "GOVERSION").removeprefix("go")
    if tuple(map(int, found.split(".")[:2])) < tuple(map(int, version.split("."))):
        refuse(f"this machine has Go {found}, not {version}")
    record("setup-go", version=version)


def setup_helm() -> None:
    """Install the cluster's stand-in for helm, if the real one behind it is the version that was asked for."""
    version = os.environ["VERSION"]
    if f"v{os.environ['HELM_VERSION']}" != version:
        refuse(f"this machine has no helm {version}")
    install("helm", os.environ["HELM_STANDIN"])
    record("setup-helm", version=version)


def setup_buildx() -> None:
    """Make `docker buildx` there."""
    install("docker", os.environ["DOCKER_STANDIN"])
    record("setup-buildx")


def login() -> None:
    """Sign in: only whether there is a password is kept."""
    if not os.environ["PASSWORD"]:
        refuse("no password")
    (STATE / f"signed-in-{os.environ['GITHUB_JOB']}").touch()
    record("login", registry=os.environ["REGISTRY"], username=os.environ["USERNAME"])


def build_push() -> None:
    """Look whether all that the Dockerfile copies is there; the image's digest follows from the folder's tree."""
    context, tags, push = os.environ["CONTEXT"], os.environ["TAGS"], os.environ["PUSH"] == "true"
    if not shutil.which("docker"):
        refuse("no Buildx was set up")
    folder = Path(context)
    for line in (folder / "Dockerfile").read_text(encoding="utf-8").splitlines():
        words = [word for word in line.split() if not word.startswith("--")]
        if words[:1] == ["COPY"] and "--from" not in line:
            for source in words[1:-1]:
                if source != "." and not list(folder.glob(source)):
                    refuse(f"{context}/Dockerfile copies {source}, which is not there")
    tree = run("git", "rev-parse", "--verify", f"HEAD:{context}")
    digest = "sha256:" + hashlib.sha256(tree.encode()).hexdigest()
    record("build-push", context=context, tags=tags, push=push)
    if push:
        if not (STATE / f"signed-in-{os.environ['GITHUB_JOB']}").exists():
            refuse("denied: not signed in")
        image = STATE / "registry" / tags.replace("/", "%")
        image.parent.mkdir(exist_ok=True)
        image.write_text(digest, encoding="utf-8")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"digest={digest}\n")


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")]()
