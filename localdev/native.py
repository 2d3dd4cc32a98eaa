"""Turns a command into the native way: PostgreSQL and services as plain processes, without a container."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from . import envfile, migrations, uv
from .console import DevError, note, out
from .follow import follow
from .postgres.home import home
from .postgres.server import Server, taken
from .processes import end_group, end_process, port_is_free
from .project import BACKEND_HEADING
from .supervisor import Supervisor, check_programs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .project import Project
    from .state import State


class Native:
    """The commands of the native way; each returns an exit code or raises DevError."""

    def __init__(self, project: Project, state: State) -> None:
        self._project = project
        self._state = state
        self._server = Server(
            home=home(project.root, project.script("dev up --docker")),
            wanted=project.postgres.version,
            port=project.postgres.port,
            user=project.postgres.user,
            log=state.logs / "postgres.log",
            locks=state.folder,
            script=project.script,
        )

    def up(self, skip_migrations: bool) -> int:
        """PostgreSQL, migrations, services; Ctrl-C ends all of it but a PostgreSQL of `dev infra`."""
        with self._state.only_one(f"stop them first: `{self._project.script('dev down')}`"):
            self._check_free()
            check_programs(self._project)
            values = self._values()
            with self._server.in_use(self._password(values), self._stays):
                self._state.choose("native")
                uv.sync(self._project, self._state)
                if not skip_migrations:
                    code = migrations.run(self._project, values, ["upgrade"])
                    if code:
                        migrations.say_not_started(self._project, code)
                        return code
                return self._services(values)

    def infra(self) -> int:
        """PostgreSQL in the background, until `dev down`."""
        values = self._values()
        with self._server.in_use(self._password(values), self._stays):
            self._state.keep_infra(True)
        postgres = self._project.postgres
        note(f"PostgreSQL listens on 127.0.0.1:{postgres.port}; its data: {self._server.home.data}")
        note(f"  help: it stays until `{self._project.script('dev down')}`")
        return 0

    def backend(self) -> int:
        """The services only; PostgreSQL must be up."""
        with self._state.only_one(f"stop them first: `{self._project.script('dev down')}`"):
            if self._server.running() is None:
                raise DevError("PostgreSQL is not up", f"start it: `{self._project.script('dev infra')}`")
            self._check_free()
            check_programs(self._project)
            values = self._values()
            with self._server.in_use(self._password(values), self._stays):
                uv.sync(self._project, self._state)
                return self._services(values)

    def migrate(self, words: Sequence[str]) -> int:
        """One command of the runner, with a PostgreSQL that is started for it when it is not up."""
        values = self._values()
        if self._server.running() is None:
            note("PostgreSQL is started for this command")
        with self._server.in_use(self._password(values), self._stays):
            uv.sync(self._project, self._state)
            return migrations.run(self._project, values, words)

    def down(self) -> int:
        """Stop everything, keep the data."""
        stopped = self._stop()
        note(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
        return 0

    def death(self) -> int:
        """Stop everything and remove the data."""
        stopped = self._stop()
        if stopped:
            note(f"stopped: {', '.join(stopped)}")
        base = self._server.home.base
        note(f"removed: {base} (all local data)" if self._server.home.wipe() else "there were no local data")
        return 0

    def logs(self, names: Sequence[str], keep_following: bool) -> int:
        """The logs of the services and of PostgreSQL, from files."""
        chosen = list(names) or [*(service.name for service in self._project.services), "postgres"]
        return follow({name: self._state.logs / f"{name}.log" for name in chosen}, keep_following)

    def _values(self) -> dict[str, str]:
        return envfile.prepare(self._project, self._state, data_exist=self._server.made)

    def _password(self, values: dict[str, str]) -> str:
        return values[self._project.postgres.password_env]

    def _stays(self) -> bool:
        return self._state.infra_stays

    def _services(self, values: dict[str, str]) -> int:
        out(BACKEND_HEADING)
        envfile.say_blank_secrets(self._project, values, dict(os.environ))
        return Supervisor(self._project, self._state, values, self._server.running).run()

    def _check_free(self) -> None:
        """No service of an earlier start may be left, and every port must be free."""
        _, groups = self._state.running()
        if groups:
            raise DevError(
                f"left from an earlier start: {', '.join(groups)}",
                f"stop them first: `{self._project.script('dev down')}`",
            )
        for service in self._project.services:
            if not port_is_free(service.port):
                raise taken(service.port, service.name, self._project.script("dev down"))

    def _stop(self) -> list[str]:
        """Stop services and PostgreSQL; the names of what ran."""
        stopped = self._stop_services()
        self._state.keep_infra(False)
        return [*stopped, "PostgreSQL"] if self._server.stop() else stopped

    def _stop_services(self) -> list[str]:
        """End the supervisor, which ends its services; then what a killed one may have left."""
        supervisor, groups = self._state.running()
        if supervisor:
            end_process(supervisor, signal.SIGTERM, 30)
            _, left = self._state.running()
        else:
            left = groups
        for group in left.values():
            end_group(group.pid)
        self._state.forget_services()
        return list(groups)
