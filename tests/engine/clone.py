"""Turns this checkout into a fresh clone of its own, and the clone into a platform that runs."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.engine.commands import Finished, Running, docker

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).resolve().parents[2]
TENANTS = ("default", "toshiba", "iopex")
HEALTH = {"auth-api": "/api/health", "workflow-engine": "/health", "ingestion-service": "/health"}
BACKEND = "🔧 Starting backend services..."
#: The label of each schema in the order of execution.
LABELS = (
    *(f"auth_{tenant}" for tenant in TENANTS),
    *(f"workflow_{tenant}" for tenant in TENANTS),
    "ingestion-service",
)


@dataclass
class Clone:
    """A fresh clone, a compose project and ports of its own."""

    root: Path
    images: Mapping[str, str]
    project: str
    ports: dict[str, int]
    timings: list[tuple[str, float]] = field(default_factory=list)
    _attached: Running | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The caller's environment without this checkout's own, plus images and project."""
        environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "CI")}
        path = [entry for entry in os.environ["PATH"].split(":") if not entry.startswith(str(CHECKOUT))]
        return {**environment, "PATH": ":".join(path), "COMPOSE_PROJECT_NAME": self.project, **self.images}

    # --- commands ------------------------------------------------------------------------------------------

    def run(self, *command: str, seconds: float = 300, folder: Path | None = None) -> Finished:
        """Run a command in the clone, or in a folder of it, to its end."""
        done = Running(list(command), folder or self.root, self.environment).wait(seconds)
        name = " ".join([Path(command[0]).name, *command[1:]])
        self.timings.append((name, done.seconds))
        return done

    def npm(self, script: str, *, code: int | None = 0, seconds: float = 300) -> Finished:
        """Run an npm script to its end and check its exit code (None: any but 0)."""
        done = self.run("npm", "run", script, seconds=seconds)
        good = done.code != 0 if code is None else done.code == code
        assert good, f"npm run {script} ended with {done.code}:\n{done.output}"
        return done

    def start(self, script: str) -> Running:
        """Start an npm script and leave it running."""
        return Running(["npm", "run", script], self.root, self.environment)

    def dev(self, script: str = "dev", *, seconds: float = 300) -> str:
        """Start the platform as a developer does and wait until every service is well; gives the output.

        Ends the earlier `dev` first if it is still attached. Fails with the output when the script ends
        with an error or the services are not well in time.
        """
        self.leave()
        running = self.start(script)
        end = time.monotonic() + seconds
        started = time.monotonic()
        migrated = 0.0
        while not (migrated and self.all_well()):
            if not migrated and BACKEND in running.output:
                migrated = time.monotonic() - started
                continue
            if running.ended or time.monotonic() > end:
                running.interrupt()
                raise AssertionError(f"npm run {script} did not come up; it printed:\n{running.output}")
            time.sleep(0.1)
        self.timings.append((f"npm run {script}, until its second heading", migrated))
        self.timings.append((f"npm run {script}, until every service is well", time.monotonic() - started))
        self._attached = running
        return running.output

    def leave(self) -> None:
        """Ctrl-C on the attached `dev`, if there is one; it has to end by itself."""
        if self._attached and not self._attached.ended:
            done = self._attached.interrupt()
            assert done.code != -signal.SIGKILL, f"Ctrl-C did not end it; it printed:\n{done.output}"
        self._attached = None

    def down(self) -> None:
        """Leave and stop every container."""
        self.leave()
        self.npm("dev:down")

    # --- the running platform ------------------------------------------------------------------------------

    def request(self, service: str, path: str, body: object = None, key: str = "") -> tuple[int, Any]:
        """One HTTP request to a service on loopback: (status, JSON), (0, None) when nothing answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[service]}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-API-Key": key},
        )
        # No proxy of the machine: these addresses are loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode("utf-8", "replace")
            return error.code, json.loads(text) if text.startswith(("{", "[")) else text
        except (OSError, ValueError):
            return 0, None

    def health(self, service: str) -> tuple[int, Any]:
        """A service's health: (status, body)."""
        return self.request(service, HEALTH[service])

    def all_well(self) -> bool:
        """Whether every service answers that every tenant is well."""
        return all(self.health(service)[0] == 200 for service in HEALTH)

    def containers(self) -> set[str]:
        """The compose services of this clone that run now."""
        listed = docker("ps", "--filter", self._label, "--format", '{{.Label "com.docker.compose.service"}}')
        return set(listed.split())

    def volumes(self) -> set[str]:
        """The names of this clone's volumes."""
        return set(docker("volume", "ls", "--quiet", "--filter", self._label).split())

    def query(self, database: str, sql: str) -> list[str]:
        """The rows of a query, run inside the PostgreSQL container."""
        container = docker(
            "ps",
            "--quiet",
            "--filter",
            self._label,
            "--filter",
            f"{self._label}",
            "--filter",
            "label=com.docker.compose.service=postgres",
        ).strip()
        assert container, "PostgreSQL does not run"
        command = ["psql", "--username", "elevaite", "--dbname", database, "-Atc", sql]
        return docker("exec", container, *command).splitlines()

    @property
    def _label(self) -> str:
        return f"label=com.docker.compose.project={self.project}"

    def remove(self) -> None:
        """Remove every container, volume and network of this clone, then its folder."""
        self.leave()
        for kind, listing in (
            ("", ["ps", "--all"]),
            ("volume", ["volume", "ls"]),
            ("network", ["network", "ls"]),
        ):
            names = docker(*listing, "--quiet", "--filter", self._label).split()
            if names:
                docker(*([kind] if kind else []), "rm", "--force", *names)
        shutil.rmtree(self.root.parent, ignore_errors=True)

    # --- the sources ---------------------------------------------------------------------------------------

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace the one occurrence of `old` in a file of the clone."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def add_revision(self, service_path: str, slug: str, upgrade: str, revision: str) -> Path:
        """Write a revision on top of a service's head; `upgrade` is the body of its upgrade()."""
        versions = self.root / service_path / "migrations" / "versions"
        file = versions / f"{revision}_{slug}.py"
        file.write_text(
            f'"""{slug.replace("_", " ")}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
            f'revision = "{revision}"\ndown_revision = "{head(versions)}"\nbranch_labels = None\n'
            f"depends_on = None\n\n\ndef upgrade() -> None:\n    {upgrade}\n\n\n"
            "def downgrade() -> None:\n    raise NotImplementedError\n",
            encoding="utf-8",
        )
        return file


def head(versions: Path) -> str:
    """The one revision of a folder that no other revision builds on."""
    texts = [file.read_text(encoding="utf-8") for file in versions.glob("*.py")]
    revisions = {match[1] for text in texts for match in re.finditer(r"^revision = .(\w+)", text, re.M)}
    parents = {
        parent
        for text in texts
        for line in re.findall(r"^down_revision = (.*)", text, re.M)
        for parent in re.findall(r"[\"'](\w+)[\"']", line)
    }
    (found,) = revisions - parents
    return found


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A free port of 127.0.0.1 for each name, below those that the kernel gives to outgoing connections."""
    ports: dict[str, int] = {}
    while len(ports) < len(names):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in ports.values():
                ports[names[len(ports)]] = port
    return ports


def copy_checkout(root: Path) -> None:
    """Copy what git would give a colleague after a commit of everything here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_symlink() or (CHECKOUT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, root / name, follow_symlinks=False)


def gen(root: Path) -> None:
    """Compile a project's environments by this checkout's compiler."""
    command = [sys.executable, "-m", "compiler"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"gen: {done.stdout}{done.stderr}"


def make_clone(folder: Path, images: Mapping[str, str], project: str) -> Clone:
    """Make a clone of this checkout with ports of its own in the spec."""
    root = folder / "elevaite"
    root.mkdir()
    copy_checkout(root)
    ports = free_ports(("postgres", *HEALTH))
    with (root / "environments" / "local.yaml").open("a", encoding="utf-8") as spec:
        spec.write(f"postgres: {{port: {ports['postgres']}}}\nservices:\n")
        spec.writelines(f"  {service}: {{port: {ports[service]}}}\n" for service in HEALTH)
    # What a colleague would have committed along with those ports; `bin/gen` of a clone does not compile.
    gen(root)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "Start"]):
        subprocess.run(["git", *identity, *command], cwd=root, check=True)
    return Clone(root, images, project, ports)
