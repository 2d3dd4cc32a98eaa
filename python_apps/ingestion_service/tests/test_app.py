"""Without a database the service starts, says so, and refuses tenants it does not have."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.engine import make_url

from ingestion_service.main import create_app
from ingestion_service.settings import Settings

FOLDER = Path(__file__).resolve().parent.parent
# Port 1 is reserved: nothing listens there.
NOWHERE = make_url("postgresql+psycopg://user:hidden@127.0.0.1:1/elevaite_ingestion")


@pytest.fixture
def client() -> Iterator[TestClient]:
    settings = Settings(("default", "toshiba"), NOWHERE, "127.0.0.1", 8001, "info")
    with TestClient(create_app(settings)) as client:
        yield client


def test_health_answers_503_when_the_database_is_unreachable(client: TestClient) -> None:
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["tenants"] == {"default": "unreachable", "toshiba": "unreachable"}
    assert "hidden" not in answer.text


def test_rows_answer_503_when_the_database_is_unreachable(client: TestClient) -> None:
    assert client.get("/default/documents").status_code == 503


def test_an_unknown_tenant_is_not_found(client: TestClient) -> None:
    assert client.get("/nobody/documents").status_code == 404


def test_the_start_says_what_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(("default",), NOWHERE, "127.0.0.1", 8001, "info")
    with caplog.at_level(logging.ERROR, logger="uvicorn.error"), TestClient(create_app(settings)):
        assert "INGESTION_DATABASE_URL (tenants: default)" in caplog.text


def test_a_wrong_variable_ends_the_start_with_one_line() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ingestion_service"],
        cwd=FOLDER,
        env={"PORT": "http"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert run.stderr == "ingestion-service: PORT: 'http' is not a port number (1 to 65535)\n"


def test_the_compiler_cannot_be_imported() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import compiler"], cwd=FOLDER, capture_output=True, text=True
    )
    assert "No module named 'compiler'" in run.stderr
