"""Compose files that let a container reach the machine it runs on."""

from __future__ import annotations

from tests.verify.mutations.model import COMPOSE, Mutation

SERVICE = '  auth-api:\n    image: "ghcr.io/iopexses/elevaite/auth-api:local"\n'
MIGRATIONS = "\n  migrations:\n"


def _service(rule: str, line: str) -> Mutation:
    return Mutation(rule, line.strip(), COMPOSE, SERVICE, SERVICE + line)


def _with(rule: str, old: str, new: str, behind: str = "\n" + SERVICE) -> Mutation:
    return Mutation(rule, f"{old.strip()} → {new.strip() or 'nothing'}", COMPOSE, old, new, behind)


MUTATIONS = (
    _with("compose-name", 'name: "elevaite-local"\n', "", ""),
    _service("compose-name", "    container_name: api\n"),
    _service("compose-privileged", "    privileged: true\n"),
    _service("compose-privileged", "    devices: [/dev/kvm]\n"),
    _service("compose-host-namespace", "    network_mode: host\n"),
    _service("compose-host-namespace", "    pid: host\n"),
    _service("compose-host-namespace", "    ipc: host\n"),
    _with(
        "compose-mounts", "    volumes: [", '    volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro", '
    ),
    _with("compose-mounts", "    volumes: [", '    volumes: ["/:/host:ro", '),
    _with("compose-mounts", "    volumes: [", '    volumes: ["~/.ssh:/ssh:ro", '),
    _with("compose-mounts", "auth_api:/app:ro", "auth_api:/app"),
    _with("compose-mounts", "exchange:/exchange", "other:/exchange", MIGRATIONS),
    _with("compose-ports", "127.0.0.1:8004:8004", "8004:8004"),
    _with("compose-ports", "127.0.0.1:5432:5432", "0.0.0.0:5432:5432", ""),
    _with("compose-secret-literal", "HOST: 0.0.0.0", "API_KEY: hunter2"),
    _with(
        "compose-secret-literal",
        "${POSTGRES_PASSWORD:?is blank in .env, the first start fills it}",
        "hunter2",
        "",
    ),
    _with(
        "compose-secret-literal",
        "${POSTGRES_PASSWORD:?is blank in .env, the first start fills it}",
        "hunter2",
    ),
    _with("compose-secret-literal", '"--reload"', '"--token=hunter2"'),
    _with("compose-capabilities", '    cap_drop: ["ALL"]\n', ""),
    _service("compose-capabilities", "    cap_add: [SYS_ADMIN]\n"),
    _with("compose-new-privileges", '    security_opt: ["no-new-privileges:true"]\n', ""),
    _with(
        "compose-new-privileges",
        '"no-new-privileges:true"',
        '"no-new-privileges:true", "seccomp:unconfined"',
        "",
    ),
    _with(
        "compose-image", "@sha256:95206741a5b214807675e14165369d05b93a9cf692223b616d07cca227e74b0b", "", ""
    ),
    _with("compose-image", "auth-api:local", "auth-api:latest", MIGRATIONS),
    _with("compose-root-file-system", "    read_only: true\n", ""),
    _with("compose-limits", "    mem_limit: 1g\n", ""),
    _with("compose-limits", "pids_limit: 128", "pids_limit: -1", MIGRATIONS),
    _with("compose-limits", "    init: true\n", "", ""),
    _with(
        "compose-command",
        'command: ["python", "-m", "auth_api", "--reload"]',
        "command: python -m auth_api; id",
    ),
    _with("compose-command", '["CMD", "pg_isready"', '["CMD-SHELL", "pg_isready"', ""),
    _with("compose-gate", "      migrations: {condition: service_completed_successfully}\n", ""),
    _with("compose-gate", "condition: service_healthy", "condition: service_started", MIGRATIONS),
    _with("compose-workers", '"--service", "auth-api"', '"--service", "workflow-engine"', MIGRATIONS),
    _service("compose-environment", "    env_file: [.env]\n"),
)
