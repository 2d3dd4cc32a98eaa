"""Turns the migration containers of one run into an error as soon as one that is waited for ended too early."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .console import DevError, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERY = 2.0
LAST_LINES = 5
# Asked where the exchange folder is. It answers for a service whose turn it is (every one before it has its
# result) and whose worker never gave a sign of life: `$1` is the service, those before it follow.
NEVER_CAME = """\
cd "$0" || exit
if [ -e "$1.alive" ] || [ -e "$1.result" ]; then exit; fi
shift
for before in "$@"; do [ -e "$before.result" ] || exit; done
echo never
"""


@dataclass(frozen=True)
class Workers:
    """The detached workers of one run (service to container, in the order of the plan) and their driver."""

    driver: str
    folder: str
    containers: Mapping[str, str]

    def check(self) -> None:
        """Raise DevError when the driver waits for a worker that ended before its first sign of life."""
        names = list(self.containers)
        for service, code in self._ended().items():
            asked = ["sh", "-c", NEVER_CAME, self.folder, service, *names[: names.index(service)]]
            if _docker("exec", self.driver, *asked).stdout.strip() == "never":
                said = _docker("logs", "--tail", str(LAST_LINES), self.containers[service])
                words = plain(said.stdout + said.stderr).strip() or "it printed nothing"
                raise DevError(
                    f"{service}: its migration container ended with exit code {code} before it began; its last"
                    f" words:\n{words}",
                    f"look into the service's Dockerfile and at migrate-{service} in compose.yaml",
                )

    def _ended(self) -> dict[str, str]:
        """The exit code of every worker that runs no more."""
        shape = "{{.Name}} {{.State.Status}} {{.State.ExitCode}}"
        rows = _docker("inspect", "--format", shape, *self.containers.values()).stdout.splitlines()
        states = {name.lstrip("/"): rest for name, *rest in map(str.split, rows) if len(rest) == 2}
        found = {service: states.get(name, ["", ""]) for service, name in self.containers.items()}
        return {service: code for service, (state, code) in found.items() if state in ("exited", "dead")}


def _docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *words],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,
    )
