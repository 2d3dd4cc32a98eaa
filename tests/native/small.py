"""Turns a few words into a small compiled project, as `gen` would leave it in a foreign repository."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from localdev.project import Project, load
from localdev.state import State

if TYPE_CHECKING:
    from pathlib import Path


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def service(name: str, dev: list[str], **more: Any) -> dict[str, Any]:
    """One service of dev.json whose folder is its name; `dev` starts it."""
    fields = {"name": name, "path": name, "port": free_port(), "health": "/health", "run": [], "dev": dev}
    return {**fields, "env": {}, "secrets": [], **more}


def project(root: Path, *services: dict[str, Any], folder: str = "laptop", **more: Any) -> Project:
    """Write dev.json and plan.json of an environment called `folder`, and load them."""
    out = root / "out" / folder
    out.mkdir(parents=True, exist_ok=True)
    data = {
        "version": 1,
        "platform": "shop",
        "environment": folder,
        "tenants": {"env": "SHOP_TENANTS", "value": "a,b"},
        "postgres": {"version": 16, "port": free_port(), "user": "shop", "password_env": "POSTGRES_PASSWORD"},
        "services": list(services),
        **more,
    }
    (out / "dev.json").write_text(json.dumps(data), encoding="utf-8")
    (out / "plan.json").write_text(json.dumps({"create_databases": True, "services": []}), encoding="utf-8")
    for each in services:
        (root / each["path"]).mkdir(exist_ok=True)
    return load(root)


def state(root: Path) -> State:
    """The ignored folder of a small project."""
    made = State(root)
    made.prepare()
    return made
