"""Turns the compiled outputs of a repository's local environment into one frozen Project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .console import DevError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION = 1
BACKEND_HEADING = "🔧 Starting backend services..."


@dataclass(frozen=True)
class Postgres:
    """The local PostgreSQL: major version, port on 127.0.0.1, its user and the variable of its password."""

    version: int
    port: int
    user: str
    password_env: str


@dataclass(frozen=True)
class Service:
    """One service as development starts it: `run` words at the root, then `dev` words in its own folder."""

    name: str
    path: str
    port: int
    health: str
    run: tuple[str, ...]
    dev: tuple[str, ...]
    env: Mapping[str, str]
    secrets: tuple[str, ...]
    database: str | None
    url_env: str | None

    @property
    def health_url(self) -> str:
        """Where the service says that it is well."""
        return f"http://127.0.0.1:{self.port}{self.health}"


@dataclass(frozen=True)
class Project:
    """All that localdev knows about a repository; `out` is the folder of its local environment."""

    root: Path
    out: Path
    platform: str
    environment: str
    tenants_env: str
    tenants: str
    postgres: Postgres
    services: tuple[Service, ...]
    scripts: Mapping[str, str]

    def script(self, command: str) -> str:
        """How the user starts `command` (for example `dev death`): by its npm script, else by the tool."""
        return self.scripts.get(command, f"gen {command}")

    @property
    def plan(self) -> Path:
        """The plan that the runner reads."""
        return self.out / "plan.json"

    @property
    def compose(self) -> Path:
        """The compose file of the docker way."""
        return self.out / "compose.yaml"

    @property
    def runner(self) -> Path:
        """The folder that holds the runner's package."""
        return self.out / "runner"

    @property
    def is_local(self) -> bool:
        """Whether the plan is one of development, where databases are made and may be wiped."""
        return bool(_read(self.plan).get("create_databases"))


def load(root: Path) -> Project:
    """Read the one `out/*/dev.json` below `root`; raises DevError (code 2) when it is absent or unreadable."""
    found = sorted(root.glob("out/*/dev.json"))
    if not found:
        raise DevError(
            f"no local environment is compiled in {root}: out/*/dev.json is missing",
            "run `gen` first; the specification needs one environment whose tier is local",
            code=2,
        )
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(root)) for path in found)
        raise DevError(f"more than one local environment is compiled: {names}", "run `gen`", code=2)
    data = _read(found[0])
    where = found[0].relative_to(root)
    if data.get("version") != VERSION:
        raise DevError(
            f"{where} has version {data.get('version')!r}, this tool reads {VERSION}",
            "run `gen` with this version of the tool",
            code=2,
        )
    try:
        return _project(root, found[0].parent, data)
    except (KeyError, TypeError, ValueError) as error:
        raise DevError(f"{where} is not what gen writes ({error!r})", "run `gen`", code=2) from None


def _project(root: Path, out: Path, data: dict[str, Any]) -> Project:
    postgres = data["postgres"]
    return Project(
        root=root,
        out=out,
        platform=data["platform"],
        environment=data["environment"],
        tenants_env=data["tenants"]["env"],
        tenants=data["tenants"]["value"],
        postgres=Postgres(
            version=int(postgres["version"]),
            port=int(postgres["port"]),
            user=postgres["user"],
            password_env=postgres["password_env"],
        ),
        services=tuple(_service(entry) for entry in data["services"]),
        scripts=_scripts(root),
    )


def _service(entry: dict[str, Any]) -> Service:
    return Service(
        name=entry["name"],
        path=entry["path"],
        port=int(entry["port"]),
        health=entry["health"],
        run=tuple(entry["run"]),
        dev=tuple(entry["dev"]),
        env=dict(entry.get("env", {})),
        secrets=tuple(entry.get("secrets", ())),
        database=entry.get("database"),
        url_env=entry.get("url_env"),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DevError(f"{path} cannot be read: {error}", "run `gen`", code=2) from None
    if not isinstance(data, dict):
        raise DevError(f"{path} is not what gen writes", "run `gen`", code=2)
    return data


def _scripts(root: Path) -> dict[str, str]:
    """The npm scripts by the command behind them, whatever prefix they carry; none without package.json."""
    try:
        scripts = json.loads((root / "package.json").read_text(encoding="utf-8-sig"))["scripts"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    found: dict[str, str] = {}
    for name, line in scripts.items() if isinstance(scripts, dict) else ():
        for start in (" dev ", " migrate "):
            if isinstance(line, str) and start in line:
                found.setdefault((start + line.split(start, 1)[1]).strip(), f"npm run {name}")
    return found
