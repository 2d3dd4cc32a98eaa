"""Stands in for kubectl: answers out of what was rendered, refuses what is not there."""

import http.server
import json
import sys
from typing import Any

from cluster import asked, connected, record, running, sync, wanted

SYNCED = 2  # Argo CD is done after this question


def served(name: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return a Deployment as the API does once all its pods are new."""
    count = document["spec"].get("replicas", 1)
    status = {
        "observedGeneration": 1,
        **dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), count),
    }
    metadata = {"name": name, "generation": 1, "annotations": document["metadata"].get("annotations")}
    return {**document, "metadata": metadata, "status": status}


def get(what: str, rest: list[str]) -> str:
    """Answer `get`."""
    state = running()
    if what == "deployments":
        if "chart" in wanted() and asked() == SYNCED:
            sync()
        return json.dumps({"items": [served(*pair) for pair in state["deployments"].items()]})
    job = state["jobs"].get(rest[0])
    query = next(word for word in rest if word.startswith("jsonpath="))
    answers = {
        "jsonpath={.status.active}": lambda job: "",
        "jsonpath={.metadata.uid}": lambda job: job["uid"],
        'jsonpath={.status.conditions[?(@.type=="Failed")].status}': lambda job: (
            "True" if job["failed"] else ""
        ),
        'jsonpath={.status.conditions[?(@.status=="True")].type}': lambda job: (
            "FailureTarget Failed" if job["failed"] else "SuccessCriteriaMet Complete"
        ),
    }
    return answers[query](job) if job else ""


def forward(service: str, ports: str) -> None:
    """Answer at a service's port as its pods would: its health path, nothing else."""
    here, _, port = ports.partition(":")
    state = running()
    document = state["services"][service.removeprefix("service/")]
    assert int(port) in [entry["port"] for entry in document["spec"]["ports"]], document
    pods = state["deployments"][document["metadata"]["name"]]["spec"]["template"]["spec"]["containers"]
    path = pods[0]["readinessProbe"]["httpGet"]["path"]
    code = 503 if wanted().get("crash") == document["metadata"]["name"] else 200

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code if self.path == path else 404)
            self.end_headers()

    print(f"Forwarding from 127.0.0.1:{here} -> {port}", flush=True)
    http.server.HTTPServer(("127.0.0.1", int(here)), Handler).serve_forever()


def main(words: list[str]) -> int:
    """Answer one call."""
    record("kubectl", words)
    connected()
    state = running()
    if words[0] == "get":
        print(get(words[1], words[2:]), end="")
    elif words[0] == "logs":
        print(state["jobs"][words[1].removeprefix("job/")]["log"], end="")
    elif words[:2] == ["rollout", "status"]:
        name = words[2].removeprefix("deployment/")
        if name not in state["deployments"]:
            sys.exit(f'Error from server (NotFound): deployments.apps "{name}" not found')
        print(f'deployment "{name}" successfully rolled out')
    elif words[0] == "port-forward":
        forward(words[1], words[2])
    else:
        sys.exit(f"kubectl: no answer to {words}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
