"""Turns a command into the docker way: all of the platform as containers of one Compose project."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from typing import TYPE_CHECKING

from . import compose, envfile, migrations
from .console import DevError, note, out
from .health import Watch
from .postgres.server import taken
from .processes import port_is_free
from .project import BACKEND_HEADING
from .workers import EVERY, Workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .project import Project
    from .state import State

PLAN = "/gen/plan.json"
EXCHANGE = "/exchange"
RUN = ("run", "--no-deps", "--name")
RUNNER = ("python3", "-m", "genmigrate")
# The images are there and the containers started when the driver begins to wait for its workers.
WORKER_SECONDS = "60"
# Driver and workers of one run meet in a folder of their own; whoever comes first makes it.
IN_EXCHANGE = ("sh", "-c", 'mkdir -p "$0" && exec "$@"')


class Docker:
    """The commands of the docker way; each returns an exit code or raises DevError."""

    def __init__(self, project: Project, state: State) -> None:
        self._project = project
        self._state = state
        self._services = [service.name for service in project.services]
        self._migrating = self._read_migrating()

    def up(self, skip_migrations: bool) -> int:
        """PostgreSQL, images, migrations, services; Ctrl-C stops all but a PostgreSQL of `dev infra`."""
        compose.check(self._project)
        with self._state.only_one(f"stop them first: `{self._project.script('dev down')}`"):
            project = self._prepared()
            self._check_free(project)
            self._state.choose("docker")
            try:
                self._postgres(project)
                self._build(project)
                if not skip_migrations:
                    code = self._run_migrations(project, ["upgrade"])
                    if code:
                        migrations.say_not_started(self._project, code)
                        return code
                return self._attached(project)
            finally:
                if not self._state.infra_stays:
                    project.quiet(["stop"], "docker compose stop")

    def infra(self) -> int:
        """PostgreSQL in the background, until `dev down`."""
        compose.check(self._project)
        self._postgres(self._prepared())
        self._state.keep_infra(True)
        note(f"PostgreSQL listens on 127.0.0.1:{self._project.postgres.port}, in a container")
        note(f"  help: it stays until `{self._project.script('dev down')}`")
        return 0

    def backend(self) -> int:
        """The services only; PostgreSQL must be up."""
        compose.check(self._project)
        with self._state.only_one(f"stop them first: `{self._project.script('dev down')}`"):
            project = self._prepared()
            if not project.running("postgres"):
                raise DevError("PostgreSQL is not up", f"start it: `{self._project.script('dev infra')}`")
            self._check_free(project)
            self._build(project)
            return self._attached(project)

    def migrate(self, words: Sequence[str]) -> int:
        """One command of the runner, in containers; a PostgreSQL that was not up is stopped again."""
        compose.check(self._project)
        project = self._prepared()
        was_up = project.running("postgres")
        if not was_up:
            note("PostgreSQL is started for this command")
        try:
            self._postgres(project)
            self._build(project)
            return self._run_migrations(project, words)
        finally:
            if not was_up:
                project.quiet(["stop", "postgres"], "docker compose stop")

    def down(self) -> int:
        """Stop and remove the containers, keep the data."""
        compose.check(self._project)
        self._state.keep_infra(False)
        return self._compose().run(["down", "--remove-orphans"])

    def death(self) -> int:
        """Stop and remove the containers and the volumes."""
        compose.check(self._project)
        self._state.keep_infra(False)
        code = self._compose().run(["down", "--volumes", "--remove-orphans"])
        if code == 0:
            note("removed: the containers and volumes of this project (all local data)")
        return code

    def logs(self, names: Sequence[str], keep_following: bool) -> int:
        """The logs of the services and of PostgreSQL, from their containers."""
        compose.check(self._project)
        chosen = list(names) or [*self._services, *compose.INFRA]
        return self._compose().show_logs(["logs", *(["--follow"] if keep_following else []), *chosen])

    def _prepared(self) -> compose.Compose:
        """Compose with a complete `.env`."""
        self._state.prepare()
        data_exist = self._compose().has_data
        return compose.Compose(self._project, envfile.prepare(self._project, self._state, data_exist))

    def _compose(self) -> compose.Compose:
        return compose.Compose(self._project, envfile.values(self._project))

    def _postgres(self, project: compose.Compose) -> None:
        project.quiet(["up", "--detach", "--wait", "--no-deps", *compose.INFRA], "starting PostgreSQL")

    def _build(self, project: compose.Compose) -> None:
        """Build the images; Docker's cache makes it quick when nothing changed, and then nothing is said."""
        project.quiet(["build", *self._services], "building the images")

    def _run_migrations(self, project: compose.Compose, words: Sequence[str]) -> int:
        """Driver and workers as containers of their own for this run; the driver's exit code."""
        run = secrets.token_hex(6)
        folder = f"{EXCHANGE}/{run}"
        workers = {name: f"{self._project.platform}-{run}-{name}" for name in self._chosen(words)}
        driver = f"{self._project.platform}-{run}-migrations"
        try:
            started = [self._start_worker(project, name, workers[name], folder) for name in workers]
            for process in started:
                _, errors = process.communicate()
                if process.returncode:
                    raise DevError(f"a migration container did not start:\n{errors.strip()}")
            command = [*IN_EXCHANGE, folder, *RUNNER, words[0], "--plan", PLAN, "--exchange", folder]
            command += ["--workers", "external", "--worker-timeout", WORKER_SECONDS, *words[1:]]
            check = Workers(driver, folder, workers).check
            return project.run([*RUN, driver, "--rm", "-T", "migrations", *command], check, EVERY)
        finally:
            compose.remove([driver, *workers.values()])

    def _start_worker(
        self, project: compose.Compose, service: str, container: str, folder: str
    ) -> subprocess.Popen[str]:
        worker = [*IN_EXCHANGE, folder, *RUNNER, "worker", "--plan", PLAN, "--exchange", folder]
        worker += ["--service", service, "--path", "/app"]
        return project.start(
            [*RUN, container, "--detach", f"migrate-{service}", *worker],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def _chosen(self, words: Sequence[str]) -> list[str]:
        """The services of this run: those that `--service` names, else all that migrate."""
        named = [words[place + 1] for place, word in enumerate(words) if word == "--service"]
        return [name for name in self._migrating if not named or name in named]

    def _read_migrating(self) -> list[str]:
        try:
            plan = json.loads(self._project.plan.read_text(encoding="utf-8"))
            return [service["name"] for service in plan["services"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DevError(f"{self._project.plan} cannot be read: {error}", "run `gen`", code=2) from None

    def _attached(self, project: compose.Compose) -> int:
        """The services with their logs, until one ends (1, and which one is said) or Interrupted comes."""
        out(BACKEND_HEADING)
        envfile.say_blank_secrets(self._project, envfile.values(self._project), dict(os.environ))
        attached = [
            "--progress",
            "quiet",
            "up",
            "--no-deps",
            "--no-build",
            "--abort-on-container-exit",
            *self._services,
        ]
        watch = Watch(self._project, out)
        watch.start()
        try:
            project.show_logs(attached)
        finally:
            watch.stop()
        ended = [
            f"{row.get('Service')} ended with exit code {row.get('ExitCode')}"
            for row in project.containers()
            if row.get("Service") in self._services and row.get("ExitCode") not in (0, 137, 143)
        ]
        note(f"error: {'; '.join(ended) or 'a service ended'}; the other services were stopped")
        return 1

    def _check_free(self, project: compose.Compose) -> None:
        """Every port must be free, or held by this project's own containers."""
        mine = {str(row.get("Service")) for row in project.containers() if row.get("State") == "running"}
        left = sorted(mine.intersection(self._services))
        if left:
            raise DevError(
                f"already running: {', '.join(left)}",
                f"stop them first: `{self._project.script('dev down')}`",
            )
        ports = [(service.name, service.port) for service in self._project.services]
        for name, port in [("postgres", self._project.postgres.port), *ports]:
            if name not in mine and not port_is_free(port):
                raise taken(port, name, self._project.script("dev down"))
