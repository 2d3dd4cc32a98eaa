"""The services of a spec into everything that is wrong with their revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.frozen import dataclass
from compiler.revisions.judge import judge
from compiler.revisions.model import Service
from compiler.revisions.read import read_history
from compiler.revisions.snapshot import judge_snapshot
from compiler.spec.shown import closest, listed, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from compiler.spec.spec import EnvironmentSpec, Spec


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what is wrong, sorted by place."""

    services: int
    revisions: int
    diagnostics: tuple[Diagnostic, ...]

    def summary(self) -> str:
        """Return the last line: `3 services: 19 revisions, 0 mistakes`."""
        revisions, mistakes = _count(self.revisions, "revision"), _count(len(self.diagnostics), "mistake")
        return f"{_count(self.services, 'service')}: {revisions}, {mistakes}"


def check_revisions(root: Path, spec: Spec, names: Sequence[str] = ()) -> Checked:
    """Check the histories of the services called `names`, of all that migrate where no name is given.

    Reads files below `root` and runs none of them.
    """
    # Which services there are, and where, only platform.yaml says: it is the same in every environment.
    services = _services(spec.environments[0])
    unknown = [_no_service(name, sorted(services)) for name in dict.fromkeys(names) if name not in services]
    if unknown:
        return Checked(0, 0, tuple(unknown))
    chosen = [service for name, service in sorted(services.items()) if not names or name in names]
    found: list[Diagnostic] = []
    count = 0
    for service in chosen:
        history, faults = read_history(root, service)
        count += len(history.revisions)
        found += [*faults, *judge(history), *judge_snapshot(root, spec, history)]
    ordered = sorted(dict.fromkeys(found), key=lambda one: (one.place, one.code, one.message))
    return Checked(len(chosen), count, tuple(ordered))


def _services(environment: EnvironmentSpec) -> dict[str, Service]:
    services = {}
    for name, service in environment.model.services.items():
        if service.migrations is not None:
            place = environment.place("services", name, "migrations", "config")
            services[name] = Service(name, service.path, service.migrations.config, place)
            if service.run is not None:
                # Its own command is one from the repository's root; in the service's folder Alembic has no other name.
                services[name] = Service(name, service.path, service.migrations.config, place, ("alembic",))
    return services


def _no_service(name: str, known: list[str]) -> Diagnostic:
    meant = closest(name, known)
    return Diagnostic(
        "unknown-service",
        f"found {shown(name)}, which is no service that migrates",
        Place("--service", 0, 0),
        help=f'write "{meant}"' if meant else f"those that migrate are {listed(known) or 'none'}",
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
