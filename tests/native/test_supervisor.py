"""Real processes under the supervisor: one that ends takes all with it, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from localdev.processes import members, wait_until
from tests.native import small

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
#: Runs the services of a project as `dev backend` does, without PostgreSQL before them.
DRIVER = """
import sys
from pathlib import Path
from localdev import interrupts, project, state, supervisor
found = project.load(Path(sys.argv[1]))
try:
    with interrupts.raised():
        server = lambda: None if Path(sys.argv[1], "server-is-gone").exists() else True
        code = supervisor.Supervisor(found, state.State(found.root), {}, server).run()
except interrupts.Interrupted as signal:
    code = signal.code
sys.exit(code)
"""
#: A service that answers, and whose child does not hear SIGTERM.
SERVER = """
import os, signal, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", child])
print("group", os.getpgid(0), "port", os.environ["PORT"], "in", os.getcwd(), flush=True)
HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """End what a failed test may have left: the processes that work in its folder."""
    yield
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if (folder / "cwd").readlink().is_relative_to(tmp_path):
                    os.kill(int(folder.name), signal.SIGKILL)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def run(root: Path, *services: dict[str, Any]) -> subprocess.Popen[str]:
    small.project(root, *services)
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(root)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def read_until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout
    seen = ""
    while word not in seen:
        line = process.stdout.readline()
        assert line, f"{word} never came:\n{seen}"
        seen += line
    return seen


def groups(seen: str) -> list[int]:
    return [int(line.split("group ")[1].split()[0]) for line in seen.splitlines() if "group " in line]


def test_ctrl_c_ends_every_group_even_a_deaf_child(tmp_path: Path) -> None:
    process = run(tmp_path, small.service("one", python(SERVER)), small.service("two", python(SERVER)))
    seen = read_until(process, "✓ Ready: one http://127.0.0.1:")
    found = groups(seen)
    assert len(found) == 2
    assert all(len(members(group)) == 2 for group in found)
    assert f"one | group {found[0]}" in seen or f"one | group {found[1]}" in seen
    assert f"in {tmp_path / 'two'}" in seen
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert [members(group) for group in found] == [[], []]
    assert "deaf" in (tmp_path / ".gen" / "logs" / "one.log").read_text()
    assert not (tmp_path / ".gen" / "services.json").exists()


def test_one_that_ends_takes_all_with_it_and_is_named(tmp_path: Path) -> None:
    failing = python("import time; print('about to end', flush=True); time.sleep(1); raise SystemExit(7)")
    process = run(tmp_path, small.service("one", python(SERVER)), small.service("two", failing))
    output, _ = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "two | about to end" in output
    assert "error: two ended with exit code 7; the other services were stopped" in output
    assert "help: its log is .gen/logs/two.log" in output
    assert [members(group) for group in groups(output)] == [[]]


def test_a_postgresql_that_ends_takes_the_services_with_it(tmp_path: Path) -> None:
    process = run(tmp_path, small.service("one", python(SERVER)))
    (group,) = groups(read_until(process, "Ready"))
    (tmp_path / "server-is-gone").touch()
    output, _ = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "error: PostgreSQL ended; the services were stopped" in output
    assert "help: its log is .gen/logs/postgres.log" in output
    assert members(group) == []


def test_what_a_killed_supervisor_left_is_known_and_ended(tmp_path: Path) -> None:
    process = run(tmp_path, small.service("one", python(SERVER)))
    (group,) = groups(read_until(process, "Ready"))
    process.kill()
    process.communicate(timeout=10)
    assert members(group)
    state = small.state(tmp_path)
    supervisor, left = state.running()
    assert supervisor is None
    assert [mark.pid for mark in left.values()] == [group]
    down = [sys.executable, "-c", "import sys; from localdev.cli import main; from pathlib import Path; "]
    down[-1] += "sys.exit(main(['dev', 'down'], Path(sys.argv[1])))"
    state.choose("native")
    done = subprocess.run([*down, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "stopped: one\n"
    assert wait_until(lambda: not members(group), 1)


def test_a_service_that_refuses_is_named_while_it_is_waited_for(tmp_path: Path) -> None:
    refusing = SERVER.replace("200", "503")
    process = run(tmp_path, small.service("one", python(refusing)))
    began = time.monotonic()
    seen = read_until(process, "one answers 503 at http://127.0.0.1:")
    assert time.monotonic() - began < 20
    assert "`gen migrate upgrade`" in seen
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(30) == 143
    process.communicate()
