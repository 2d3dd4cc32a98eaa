"""The cluster that the stand-ins for helm and kubectl share: charts rendered by the real helm, kept as JSON.

`STATE/cluster.json` is what the test wants of it: `log` of the migrations, whether they `fail`, whether pods `crash`,
and, where Argo CD deploys, `chart`: the folder in the repository's branch that it syncs.
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import yaml

STATE = Path(os.environ["STATE"])
RUNNING = STATE / "running.json"
NOTHING: dict[str, Any] = {"deployments": {}, "services": {}, "jobs": {}}


def record(program: str, words: list[str]) -> None:
    """Write down one call."""
    with (STATE / f"{program}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"job": os.environ["GITHUB_JOB"], "words": words}) + "\n")


def asked() -> int:
    """Return how often a run asked for the Deployments, this time included."""
    calls = (STATE / "kubectl.jsonl").read_text(encoding="utf-8").splitlines()
    return sum(json.loads(call)["words"][:2] == ["get", "deployments"] for call in calls)


def wanted() -> dict[str, Any]:
    """Return what the test wants."""
    return json.loads((STATE / "cluster.json").read_text(encoding="utf-8"))


def running() -> dict[str, Any]:
    """Return what the cluster holds."""
    return json.loads(RUNNING.read_text(encoding="utf-8")) if RUNNING.exists() else NOTHING


def keep(state: dict[str, Any]) -> None:
    """Keep what the cluster holds."""
    RUNNING.write_text(json.dumps(state), encoding="utf-8")


def connected() -> None:
    """End as a client does that has no address of the cluster."""
    path = Path(os.environ.get("KUBECONFIG", "/nowhere"))
    if not path.exists() or path.read_text(encoding="utf-8").strip() != "clusters: [here]":
        sys.exit("Error: Kubernetes cluster unreachable: no configuration has been provided")


def apply(release: str, chart: Path, namespace: str, *values: str) -> bool:
    """Render a chart, run its migrations as the test wants, and replace the workloads if they ended well."""
    words = [os.environ["HELM_AT_HAND"], "template", release, str(chart), "--namespace", namespace, *values]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    found: dict[str, dict[str, Any]] = {}
    for document in filter(None, yaml.safe_load_all(done.stdout)):
        assert document["metadata"].get("namespace", namespace) == namespace, document["metadata"]
        found.setdefault(document["kind"], {})[document["metadata"]["name"]] = document
    state, want = running(), wanted()
    for name in found["Job"]:
        if name not in state["jobs"] or "helm.sh/hook" in found["Job"][name]["metadata"]["annotations"]:
            job = {"uid": str(uuid.uuid4()), "failed": want["fail"], "log": want["log"]}
            state["jobs"][name] = job
    if not want["fail"]:
        state |= {"deployments": found["Deployment"], "services": found["Service"]}
    keep(state)
    return not want["fail"]


def sync() -> None:
    """Do what Argo CD does: bring what the branch holds."""
    with tempfile.TemporaryDirectory() as folder:
        branch = ["git", "-C", str(STATE / "repo.git"), "archive", "main", wanted()["chart"]]
        with subprocess.Popen(branch, stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
        chart = Path(folder) / wanted()["chart"]
        apply("elevaite-production", chart, "production", "--values", str(chart / "images.yaml"))
