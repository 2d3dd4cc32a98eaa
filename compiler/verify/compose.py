"""The Docker Compose file of a laptop against what a container may reach on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compiler.verify.document import find, mapping, sequence
from compiler.verify.secrets import gives_secret, holds_secret, names_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.verify.document import Document
    from compiler.verify.finding import Finding

_DATABASE = "postgres"
_NAMESPACES = ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup", "cgroup_parent")
_POWERS = ("devices", "device_cgroup_rules", "gpus", "runtime", "credential_spec")
_PORT = re.compile(r"127\.0\.0\.1:[0-9]{1,5}:[0-9]{1,5}")
_FOLDER = re.compile(r"(?:\./|(?:\.\./)+)[A-Za-z0-9._/-]+|\.")
_NAMED = re.compile(r"[a-z][a-z0-9_-]*")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\}?$")
# A variable of .env in a value: what it holds is not written here.
_VARIABLE = re.compile(r"\$\{[A-Z_][A-Z0-9_]*(?::[-?][^}]*)?\}")


def check(compose: Document, plan: Document | None) -> Iterator[Finding]:
    """Check every service of a Compose file; `plan` is the plan.json beside it."""
    if not compose.at("name") or compose.at("version") is not None:
        yield compose.breaks("compose-name", "found a project without a fixed name", "name")
    services = mapping(compose.at("services"))
    for name, value in services.items():
        service = mapping(value)
        yield from _reach(compose, name, service)
        yield from _doors(compose, name, service)
        yield from _mounts(compose, name, service)
        yield from _secrets(compose, name, service)
        yield from _image(compose, name, service)
        yield from _limits(compose, name, service)
    yield from _order(compose, services, plan)


def _reach(compose: Document, name: str, service: dict[str, Any]) -> Iterator[Finding]:
    at = ("services", name)
    if service.get("privileged"):
        yield compose.breaks("compose-privileged", f"found {name!r} privileged", *at, "privileged")
    for key in _POWERS:
        if service.get(key):
            yield compose.breaks("compose-privileged", f"found {key} of {name!r}", *at, key)
    for key in _NAMESPACES:
        if service.get(key):
            yield compose.breaks("compose-host-namespace", f"found {key}: {service[key]}", *at, key)


def _doors(compose: Document, name: str, service: dict[str, Any]) -> Iterator[Finding]:
    at = ("services", name)
    if service.get("container_name") or service.get("hostname"):
        yield compose.breaks("compose-name", "found a name of its own", *at, "container_name")
    for number, port in enumerate(sequence(service.get("ports"))):
        if not _PORT.fullmatch(str(port)):
            yield compose.breaks("compose-ports", f"found the port {port!r}", *at, "ports", number)
    for key in ("command", "entrypoint"):
        if isinstance(service.get(key), str):
            yield compose.breaks("compose-command", f"found {service[key]!r}", *at, key)
    if find(service, "healthcheck", "test", 0) == "CMD-SHELL" or isinstance(
        find(service, "healthcheck", "test"), str
    ):
        yield compose.breaks(
            "compose-command", "found a check that a shell reads", *at, "healthcheck", "test"
        )


def _mounts(compose: Document, name: str, service: dict[str, Any]) -> Iterator[Finding]:
    volumes = mapping(compose.at("volumes"))
    for number, mount in enumerate(sequence(service.get("volumes"))):
        source, _, rest = str(mount).partition(":")
        is_named = _NAMED.fullmatch(source) and source in volumes
        inside = _FOLDER.fullmatch(source) and rest.endswith(":ro") and "docker.sock" not in source
        if not is_named and not inside:
            path = ("services", name, "volumes", number)
            yield compose.breaks("compose-mounts", f"found the mount {str(mount)!r}", *path)


def _secrets(compose: Document, name: str, service: dict[str, Any]) -> Iterator[Finding]:
    at = ("services", name)
    if service.get("env_file"):
        yield compose.breaks("compose-environment", "found a file of variables", *at, "env_file")
    environment = service.get("environment")
    if environment is not None and not isinstance(environment, dict):
        yield compose.breaks("compose-environment", "found variables that are no map", *at, "environment")
    for variable, value in mapping(environment).items():
        written = _VARIABLE.sub("", str(value or ""))
        if holds_secret(str(value)) or (names_secret(variable) and written):
            message = f"found a value for {variable}, which .env should give"
            yield compose.breaks("compose-secret-literal", message, *at, "environment", variable)
    for key in ("command", "entrypoint"):
        for number, word in enumerate(sequence(service.get(key))):
            if gives_secret(str(word)):
                message = "found a secret as an argument"
                yield compose.breaks("compose-secret-literal", message, *at, key, number)


def _image(compose: Document, name: str, service: dict[str, Any]) -> Iterator[Finding]:
    images = {
        str(find(one, "image")) for one in mapping(compose.at("services")).values() if find(one, "build")
    }
    image = str(service.get("image"))
    if image not in images and not _DIGEST.search(image):
        yield compose.breaks("compose-image", f"found {image!r}", "services", name, "image")


def _limits(compose: Document, name: str, service: dict[str, Any]) -> Iterator[Finding]:
    at = ("services", name)
    if "no-new-privileges:true" not in sequence(service.get("security_opt")):
        yield compose.breaks("compose-new-privileges", f"found {name!r} without it", *at, "security_opt")
    if any("unconfined" in str(option) for option in sequence(service.get("security_opt"))):
        yield compose.breaks("compose-new-privileges", "found a profile switched off", *at, "security_opt")
    for key in ("mem_limit", "pids_limit", "init"):
        if not service.get(key) or service[key] == -1:
            yield compose.breaks("compose-limits", f"found no {key} of {name!r}", *at, key)
    # PostgreSQL's image prepares its folders as root, and owns what it writes.
    drops = name == _DATABASE or service.get("cap_drop") == ["ALL"]
    if service.get("cap_add") or not drops:
        yield compose.breaks("compose-capabilities", f"found capabilities of {name!r}", *at, "cap_drop")
    if name != _DATABASE and service.get("read_only") is not True:
        yield compose.breaks("compose-root-file-system", f"found {name!r} writing", *at, "read_only")


def _order(compose: Document, services: dict[str, Any], plan: Document | None) -> Iterator[Finding]:
    migrating = [str(find(one, "name")) for one in sequence(plan.at("services"))] if plan else []
    workers = [name.removeprefix("migrate-") for name in services if name.startswith("migrate-")]
    served = {
        str(find(services.get(f"migrate-{name}"), "command", number + 1))
        for name in workers
        for number, word in enumerate(sequence(find(services.get(f"migrate-{name}"), "command")))
        if word == "--service"
    }
    if plan and (set(migrating) != served or len(migrating) != len(workers)):
        found = ", ".join(workers) or "none"
        yield compose.breaks("compose-workers", f"found workers for {found}", "services")
    for name in migrating:
        if find(services, name, "depends_on", "migrations", "condition") != "service_completed_successfully":
            path = ("services", name, "depends_on")
            yield compose.breaks("compose-gate", f"found {name!r} not waiting for migrations", *path)
    for name in ["migrations", *(f"migrate-{worker}" for worker in workers)] if migrating else []:
        if find(services, name, "depends_on", _DATABASE, "condition") != "service_healthy":
            path = ("services", name, "depends_on")
            yield compose.breaks("compose-gate", f"found {name!r} not waiting for the database", *path)
