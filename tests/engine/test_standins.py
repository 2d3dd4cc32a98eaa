"""The PostgreSQL stand-in behaves as the official image where the product relies on it."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import pytest

from tests.engine.commands import docker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@pytest.fixture
def server(images: Mapping[str, str], tmp_path: Path) -> Iterator[str]:
    """A started container with a user, a database and an init script of its own; gives its name."""
    image = images.get("POSTGRES_IMAGE", "")
    if not image.startswith("tenantship-standin/"):
        pytest.skip("the official image is in use")
    (tmp_path / "table.sql").write_text("CREATE TABLE made_by_init (x int);", encoding="utf-8")
    tmp_path.chmod(0o755)
    name = f"tenantship-test-{secrets.token_hex(4)}"
    settings = ("POSTGRES_USER=elevaite", 'POSTGRES_PASSWORD=it\'s a "secret"', "POSTGRES_DB=Own")
    environment = [word for setting in settings for word in ("--env", setting)]
    scripts = f"{tmp_path}:/docker-entrypoint-initdb.d:ro"
    docker("run", "--detach", "--name", name, *environment, "--volume", scripts, image)
    yield name
    docker("rm", "--force", "--volumes", name)


def wait_until_ready(name: str) -> None:
    end = time.monotonic() + 60
    while "accepting connections" not in docker(
        "exec", name, "sh", "-c", "pg_isready --host 127.0.0.1 || true"
    ):
        assert time.monotonic() < end, docker("logs", name)
        time.sleep(0.2)


def test_it_initialises_then_restarts_and_checks_passwords(server: str) -> None:
    wait_until_ready(server)
    log = docker("logs", server)
    assert "PostgreSQL init process complete; ready for start up." in log
    query = "psql -U elevaite -d Own -Atc"
    assert docker("exec", server, "sh", "-c", f"{query} 'select * from made_by_init'") == ""
    address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", server).strip()
    over_tcp = f"{query} 'show server_version_num' -h {address}"
    answer = docker("exec", "--env", 'PGPASSWORD=it\'s a "secret"', server, "sh", "-c", over_tcp)
    assert answer.startswith("16")
    refused = docker("exec", "--env", "PGPASSWORD=wrong", server, "sh", "-c", f"{over_tcp} 2>&1 || true")
    assert "password authentication failed" in refused
