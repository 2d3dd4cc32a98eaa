"""Turns an environment of a clone into a namespace of a cluster: its PostgreSQL, Secrets, releases, pods."""

from __future__ import annotations

import re
import secrets
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.engine.chart import Chart, render
from tests.engine.clone import HEALTH, Clone, gen
from tests.engine.commands import docker
from tests.engine.pods import Cluster, Pod

if TYPE_CHECKING:
    from tests.engine.clone import Clone

#: The database of each service and the variable that carries its URL.
DATABASES = {
    "auth-api": ("auth", "AUTH_DATABASE_URL"),
    "workflow-engine": ("workflow_engine", "WORKFLOW_DATABASE_URL"),
    "ingestion-service": ("elevaite_ingestion", "INGESTION_DATABASE_URL"),
}


@dataclass
class Images:
    """The images of a clone's services as they were built last, by their digests."""

    clone: Clone
    digests: dict[str, str] = field(default_factory=dict)

    def build(self, *services: str) -> None:
        """Build services' images from the clone as it is now."""
        began = time.monotonic()
        base = self.clone.images.get("PYTHON_IMAGE")
        # With the label each run has images of its own, though their layers come from one cache.
        options = ["--quiet", "--load", f"--label={self._label}"]
        options += [f"--build-arg=PYTHON_IMAGE={base}"] if base else []
        for service in services:
            folder = self.clone.root / "python_apps" / service.replace("-", "_")
            command = ["docker", "buildx", "build", *options, str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
            assert done.returncode == 0, done.stderr
            self.digests[service] = done.stdout.strip()
        self.clone.timings.append((f"build {', '.join(services)}", time.monotonic() - began))

    def remove(self) -> None:
        """Remove every image that was built."""
        made = docker("image", "ls", "--all", "--quiet", "--filter", f"label={self._label}").split()
        subprocess.run(["docker", "image", "rm", "--force", *made], capture_output=True, check=False)

    @property
    def _label(self) -> str:
        return f"tenantship.test={self.clone.project}"


@dataclass
class Place:
    """One environment: its PostgreSQL, its Secrets, the pods of its releases."""

    environment: str
    images: Images
    cluster: Cluster
    postgres: str
    releases: list[Chart] = field(default_factory=list)

    @property
    def clone(self) -> Clone:
        """Where its releases are compiled."""
        return self.images.clone

    def release(self) -> Chart:
        """Compile, render with the images of now, and apply what is no pod."""
        gen(self.clone.root)
        self.releases.append(
            render(self.clone.root / "out" / self.environment / "chart", self.images.digests)
        )
        self.cluster.apply(self.releases[-1])
        return self.releases[-1]

    def query(self, database: str, sql: str) -> list[str]:
        """The rows of a query."""
        command = (
            "psql",
            "--username",
            "elevaite",
            "--dbname",
            database,
            "-v",
            "ON_ERROR_STOP=1",
            "-Atc",
            sql,
        )
        return docker("exec", self.postgres, *command).splitlines()

    def versions(self, database: str, *schemas: str) -> list[str]:
        """The revision of each schema."""
        return [
            self.query(database, f"select version_num from {schema}.alembic_version")[0] for schema in schemas
        ]

    def migrate(self, code: int = 0) -> Pod:
        """Run the Job's pod of the last release to its end; gives it with all its logs."""
        began = time.monotonic()
        pod = self.cluster.pod(self.releases[-1].job)
        codes = pod.run()
        self.clone.timings.append((f"Job of {self.environment}, exit {code}", time.monotonic() - began))
        assert codes["migrations"] == code, pod.log("migrations")
        return pod

    def serves(self, chart: Chart, service: str) -> str:
        """Start a pod of a Deployment: its gate has to pass and the service to become ready; gives the gate's log."""
        began = time.monotonic()
        pod = self.cluster.pod(chart.deployment(service))
        pod.start("schema-gate")
        code = pod.wait("schema-gate")["schema-gate"]
        log = pod.log("schema-gate")
        assert code == 0, log
        pod.start()
        (container,) = pod.specification["containers"]
        assert container["readinessProbe"]["httpGet"]["path"] == HEALTH[service]
        end = time.monotonic() + 30
        while (answer := pod.get(HEALTH[service], container["ports"][0]["containerPort"]))[0] != 200:
            assert time.monotonic() < end, f"{answer}\n{pod.log(service)}"
            time.sleep(0.2)
        took = time.monotonic() - began
        assert pod.delete() < pod.grace_s / 2
        pod.remove()
        self.clone.timings.append((f"a pod of {service}, until it is ready", took))
        return log

    def create_databases(self) -> None:
        """Once PostgreSQL answers: empty databases, each owned by the service's own role, which may create none."""
        end = time.monotonic() + 60
        ready = ("sh", "-c", "pg_isready --host 127.0.0.1 || true")
        while "accepting connections" not in docker("exec", self.postgres, *ready):
            assert time.monotonic() < end, docker("logs", self.postgres)
            time.sleep(0.2)
        for service, (database, variable) in DATABASES.items():
            role = service.replace("-", "_")
            self.query("postgres", f"create role {role} login password 'p/{role}%'")
            self.query("postgres", f"create database {database} owner {role}")
            url = f"postgresql://{role}:p%2F{role}%25@postgres.internal:5432/{database}"
            self.cluster.secrets[f"elevaite-{service}"] = {variable: url, "WORKFLOW_API_KEY": "key"}

    def remove(self) -> None:
        """Remove its containers and its network."""
        self.cluster.remove()
        docker("rm", "--force", "--volumes", self.postgres)
        docker("network", "rm", self.cluster.network)


def make_place(images: Images, environment: str) -> Place:
    """A network with a PostgreSQL that is starting, nothing else yet."""
    clone, name = images.clone, f"{images.clone.project}-{environment}"
    compose = (clone.root / "out" / "local" / "compose.yaml").read_text(encoding="utf-8")
    pinned = re.search(r"\{POSTGRES_IMAGE:-([^}]+)\}", compose)
    default = re.search(
        r"PYTHON_IMAGE=(\S+)",
        (clone.root / "python_apps" / "auth_api" / "Dockerfile").read_text(encoding="utf-8"),
    )
    assert pinned
    assert default
    pause = clone.images.get("PYTHON_IMAGE", default[1])
    docker("network", "create", name)
    place = Place(environment, images, Cluster(name, pause, name), f"{name}-postgres")
    settings = ("--env", "POSTGRES_USER=elevaite", "--env", f"POSTGRES_PASSWORD={secrets.token_hex(8)}")
    network = ("--network", name, "--network-alias", "postgres.internal")
    image = clone.images.get("POSTGRES_IMAGE", pinned[1])
    docker("run", "--detach", "--name", place.postgres, *network, *settings, image)
    return place
