"""Smoke tests: a request to each named service, through a tunnel that kubectl opens, and its status code."""

from __future__ import annotations

import sys

import pytest

from tests.github.workflow import EVERY_FIELD, REFERENCE, Machine, load

PRODUCTION = load(REFERENCE / "elevaite-deploy-production.yml")
NASTY = load(EVERY_FIELD / "shop-deploy-production-eu.yml")

# Answers on 18080, as a pod behind `kubectl port-forward` would; the status is the one in the file.
SERVER = """
import http.server, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[2], "a") as record:
            record.write(self.path + "\\n")
        self.send_response(int(pathlib.Path(sys.argv[1]).read_text()))
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer.allow_reuse_address = True
http.server.ThreadingHTTPServer(("127.0.0.1", 18080), Handler).serve_forever()
"""


@pytest.fixture
def cluster(machine: Machine) -> Machine:
    (machine.folder / "server.py").write_text(SERVER, encoding="utf-8")
    machine.program(
        "kubectl",
        f'printf "%s\\n" "$*" >> {machine.folder}/forwards\n'
        f"exec {sys.executable} {machine.folder}/server.py {machine.folder}/status {machine.folder}/paths\n",
    )
    machine.stand_in("sleep", ("", "", 0))
    return machine


def _run(machine: Machine, workflow, status: int):
    (machine.folder / "status").write_text(str(status), encoding="utf-8")
    machine.program("sleep", "exec /bin/sleep 0.3\n")
    return machine.run(workflow, "deploy", "Run the smoke tests")


def test_every_service_is_asked(cluster: Machine) -> None:
    done = _run(cluster, PRODUCTION, 200)
    assert done.code == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert first.startswith("::stop-commands::")
    assert lines == ["login is up: 200", "workflows are up: 200", "ingestion is up: 200"]
    assert (cluster.folder / "paths").read_text(encoding="utf-8").split() == [
        "/api/health",
        "/health",
        "/health",
    ]
    assert (cluster.folder / "forwards").read_text(encoding="utf-8").splitlines() == [
        "port-forward service/elevaite-auth-api 18080:8004 --namespace production",
        "port-forward service/elevaite-workflow-engine 18080:8006 --namespace production",
        "port-forward service/elevaite-ingestion-service 18080:8001 --namespace production",
    ]


def test_another_status_fails_after_some_tries(cluster: Machine) -> None:
    done = _run(cluster, PRODUCTION, 503)
    assert done.code == 1
    said = 'Smoke test "login is up": GET /api/health of elevaite-auth-api shall answer 200, found 503'
    assert said in done.stderr
    assert (cluster.temp / "reason").read_text(encoding="utf-8").strip() == said
    assert len((cluster.folder / "paths").read_text(encoding="utf-8").split()) == 5


def test_the_name_of_a_test_is_text_and_its_status_the_expected_one(cluster: Machine) -> None:
    done = _run(cluster, NASTY, 204)
    assert done.code == 0, done.stderr
    assert done.stdout.partition("\n")[2] == 'it\'s "up" $(id) ${{ 7 }} {{ 7 }}: 204\n'


def test_no_tunnel_is_no_answer(machine: Machine) -> None:
    machine.program("kubectl", 'echo "error: services elevaite-auth-api not found" >&2; exit 1\n')
    machine.program("sleep", "exit 0\n")
    done = machine.run(PRODUCTION, "deploy", "Run the smoke tests")
    assert done.code == 1
    assert "found no answer (error: services elevaite-auth-api not found)" in done.stderr
