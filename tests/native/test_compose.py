"""The way with containers, as far as a stand-in for the program `docker` shows it."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localdev import compose, console, docker
from localdev.console import DevError
from localdev.project import load
from tests.native import small

if TYPE_CHECKING:
    from localdev.docker import Docker

#: Every worker has ended; the driver waits; what is asked in its container is asked here.
DOCKER = r"""#!/bin/sh
echo "$@" >> "$CALLS"
case "$1" in
  inspect) shift 3; for name; do echo "/$name exited 3"; done ;;
  exec) shift 2; exec "$@" ;;
  logs) echo "started"; printf '\033[31mModuleNotFoundError: alembic\033[0m\n' >&2 ;;
  compose)
    case "$*" in
      *" migrations "*) sleep "$DRIVER_SECONDS" ;;
      *" logs"*) for to in 1 2; do printf '\033[2Korders | \033[32mgreen\033[0m %s\n' "$to" >&"$to"; done ;;
    esac ;;
esac
"""
SERVICES = ("auth", "orders")


@pytest.fixture
def way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER, encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "exchange" / "one").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("DRIVER_SECONDS", "20")
    monkeypatch.setattr(docker, "EXCHANGE", str(tmp_path / "exchange"))
    monkeypatch.setattr(docker, "EVERY", 0.1)
    monkeypatch.setattr("secrets.token_hex", lambda length: "one")
    monkeypatch.setattr(compose, "STOP_SECONDS", 1.0)
    project = small.project(tmp_path)
    plan = {"create_databases": True, "services": [{"name": name} for name in SERVICES]}
    project.plan.write_text(json.dumps(plan), encoding="utf-8")
    return docker.Docker(load(tmp_path), small.state(tmp_path))


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text(encoding="utf-8").splitlines()


def migrate(way: Docker) -> int:
    return way._run_migrations(compose.Compose(way._project, {}), ["upgrade"])


def test_a_worker_that_ends_before_it_began_ends_the_run_at_once(way: Docker, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(DevError, match="auth: its migration container ended with exit code 3") as caught:
        migrate(way)
    assert time.monotonic() - began < 10
    assert caught.value.message.endswith("its last words:\nstarted\nModuleNotFoundError: alembic")
    removed = next(line for line in calls(tmp_path) if line.startswith("rm "))
    assert removed == "rm --force shop-one-migrations shop-one-auth shop-one-orders"
    workers = [line for line in calls(tmp_path) if " --detach " in line]
    assert len(workers) == 2
    assert not any("--rm" in line for line in workers)  # their last words would be gone


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ([], "auth"),
        (["auth.alive"], ""),  # at work, or the driver finds out by itself
        (["auth.alive", "auth.result"], "orders"),
        (["auth.alive", "auth.result", "orders.alive"], ""),
        (["auth.alive", "auth.result", "orders.alive", "orders.result"], ""),
    ],
)
def test_only_a_worker_that_is_waited_for_ends_the_run(
    way: Docker, tmp_path: Path, there: list[str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIVER_SECONDS", "0.7")
    for name in there:
        (tmp_path / "exchange" / "one" / name).touch()
    if named:
        with pytest.raises(DevError, match=f"{named}: its migration container ended"):
            migrate(way)
    else:
        assert migrate(way) == 0


def test_the_driver_does_not_wait_for_workers_as_long_as_where_images_are_pulled(
    way: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIVER_SECONDS", "0")
    assert migrate(way) == 0
    driver = next(line for line in calls(tmp_path) if " migrations " in line)
    assert "--workers external --worker-timeout 60" in driver


def test_no_control_sequence_reaches_what_is_no_terminal(
    way: Docker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compose.Compose(way._project, {}).show_logs(["logs"]) == 0
    assert capsys.readouterr() == ("orders | green 1\n", "orders | green 2\n")
    assert calls(tmp_path)[0].startswith("compose --ansi never ")


def test_a_terminal_keeps_the_colours_and_no_line_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    console.hand_on("\x1b[2K\x1b[32mgreen\x1b[0m", terminal)
    assert terminal.getvalue() == "\x1b[32mgreen\x1b[0m\n"


def test_colours_are_asked_for_only_when_both_outputs_are_terminals(
    way: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for out, err, wanted in ((True, True, "always"), (True, False, "never"), (False, True, "never")):
        monkeypatch.setattr(sys.stdout, "isatty", lambda out=out: out)
        monkeypatch.setattr(sys.stderr, "isatty", lambda err=err: err)
        assert compose.Compose(way._project, {}).run(["down"]) == 0
        assert calls(tmp_path)[-1].startswith(f"compose --ansi {wanted} ")
