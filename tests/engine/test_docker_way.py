"""The Docker way of the product from an empty checkout to `dev:death`, told in order on one fresh clone."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.engine.clone import BACKEND, HEALTH, LABELS, TENANTS, Clone

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADING = "🗄️  Running database migrations..."
ADD_AVATAR = 'op.add_column("users", sa.Column("avatar", sa.String(200)))'
AUTH = tuple(label for label in LABELS if label.startswith("auth_"))
WORKFLOW = tuple(label for label in LABELS if label.startswith("workflow_"))
API_KEY = "key-of-this-test"


def up_to_date(labels: Iterable[str]) -> list[str]:
    return [f"  ✓ {label} already up-to-date" for label in labels]


def applied(labels: Iterable[str], slugs: str) -> list[str]:
    return [f"  ✓ Applied new migrations to {label} ({slugs})" for label in labels]


def block(output: str, last: str = BACKEND) -> list[str]:
    """The lines from the migrations' heading to the line that is `last`, both included."""
    lines = [line.rstrip() for line in output.splitlines()]
    assert HEADING in lines, output
    rest = lines[lines.index(HEADING) :]
    assert last in rest, output
    return rest[: rest.index(last) + 1]


def summary(line: str) -> str:
    """A summary line without its run and its duration."""
    return re.sub(r" \(run [0-9a-f]{6}, \d+\.\d s\)$", "", line)


def avatar_columns(clone: Clone) -> list[str]:
    """The schemas whose users have an avatar."""
    sql = "select table_schema from information_schema.columns where column_name = 'avatar' order by 1"
    return clone.query("auth", sql)


@pytest.fixture(scope="module")
def day_one(clone: Clone) -> str:
    """`npm install && cp .env.example .env && npm run dev`; gives what the last one printed."""
    assert clone.run("npm", "install").code == 0
    assert clone.run("cp", ".env.example", ".env").code == 0
    return clone.dev(seconds=900)


def test_day_one_creates_every_schema_and_starts_every_service(clone: Clone, day_one: str) -> None:
    lines = block(day_one)
    names = [line.split(" (")[0] for line in lines[1 : 1 + len(LABELS)]]
    assert names == [f"  ✓ Applied new migrations to {label}" for label in LABELS]
    assert summary(lines[1 + len(LABELS)]) == "7 schemas: 0 up-to-date, 7 applied, 0 failed, 0 skipped"
    for service in HEALTH:
        status, body = clone.health(service)
        assert (status, body["status"]) == (200, "ok")
        assert body["tenants"] == dict.fromkeys(TENANTS, "ok")
    assert clone.containers() == {"postgres", *HEALTH}


def test_day_one_fills_in_local_secrets_and_names_a_service_s_own(clone: Clone, day_one: str) -> None:
    dotenv = (clone.root / ".env").read_text(encoding="utf-8")
    password = re.search(r"^POSTGRES_PASSWORD='?([^'\n]+)", dotenv, re.M)
    assert password, dotenv
    assert "POSTGRES_PASSWORD" in day_one
    assert password[1] not in day_one
    assert "WORKFLOW_API_KEY" in day_one
    assert re.search(r"^WORKFLOW_API_KEY=(''|\"\")?$", dotenv, re.M), dotenv
    status, body = clone.request("workflow-engine", "/default/workflows", {"name": "a"})
    assert (status, "WORKFLOW_API_KEY" in body["detail"]) == (503, True)


@pytest.mark.usefixtures("day_one")
def test_each_tenant_keeps_its_own_rows(clone: Clone) -> None:
    for tenant in TENANTS:
        email = f"one@{tenant}.example"
        status, user = clone.request("auth-api", f"/api/{tenant}/users", {"email": email, "role": "admin"})
        assert (status, user["email"]) == (201, email)
        document = {"title": tenant, "content": "two words"}
        status, stored = clone.request("ingestion-service", f"/{tenant}/documents", document)
        assert (status, stored["word_count"]) == (201, 2)
    for tenant in TENANTS:
        _, users = clone.request("auth-api", f"/api/{tenant}/users")
        assert [user["email"] for user in users] == [f"one@{tenant}.example"]
        _, documents = clone.request("ingestion-service", f"/{tenant}/documents")
        assert [document["title"] for document in documents] == [tenant]
        assert clone.query("auth", f"select email from auth_{tenant}.users") == [f"one@{tenant}.example"]


@pytest.mark.usefixtures("day_one")
def test_day_two_finds_nothing_to_do_and_takes_up_a_changed_env(clone: Clone) -> None:
    clone.leave()
    assert clone.containers() == set()
    clone.replace(".env", "WORKFLOW_API_KEY=", f"WORKFLOW_API_KEY={API_KEY} # was: ")
    started = time.monotonic()
    output = clone.dev()
    # About 5 s on an idle machine; this one may be busy.
    assert time.monotonic() - started < 60
    assert block(output) == [HEADING, *up_to_date(LABELS), BACKEND]
    status, _ = clone.request("workflow-engine", "/toshiba/workflows", {"name": "a"})
    assert status == 401
    status, workflow = clone.request("workflow-engine", "/toshiba/workflows", {"name": "a"}, API_KEY)
    assert (status, workflow["name"]) == (201, "a")
    assert clone.request("workflow-engine", "/toshiba/workflows", key=API_KEY)[1][0]["name"] == "a"
    assert clone.request("workflow-engine", "/iopex/workflows", key=API_KEY) == (200, [])
    assert clone.request("auth-api", "/api/iopex/users")[1][0]["email"] == "one@iopex.example"


@pytest.mark.usefixtures("day_one")
def test_an_edited_source_file_answers_without_a_restart(clone: Clone) -> None:
    main = "python_apps/auth_api/auth_api/main.py"
    assert clone.request("auth-api", "/api/nobody/users") == (404, {"detail": "unknown tenant 'nobody'"})
    clone.replace(main, 'f"unknown tenant {tenant!r}"', '"edited while it runs"')
    edited = (404, {"detail": "edited while it runs"})
    started = time.monotonic()
    while (answer := clone.request("auth-api", "/api/nobody/users")) != edited:
        assert time.monotonic() - started < 30, answer
        time.sleep(0.2)
    clone.timings.append(("edit a source file until it answers", time.monotonic() - started))


@pytest.mark.usefixtures("day_one")
def test_logs_show_every_service(clone: Clone) -> None:
    for service, path in HEALTH.items():
        clone.request(service, path)
    logs = clone.start("dev:logs")
    try:
        logs.wait_for(lambda text: all(re.search(rf"^{name}\b.*Uvicorn", text, re.M) for name in HEALTH), 30)
    finally:
        logs.interrupt()
    assert clone.all_well()


@pytest.mark.usefixtures("day_one")
def test_a_new_revision_waits_until_it_is_asked_for(clone: Clone) -> None:
    clone.add_revision("python_apps/auth_api", "add_user_avatar", ADD_AVATAR, "a1a1a1a1a1a1")
    sql = clone.npm("migrate:sql").lines
    assert sql.count("ALTER TABLE users ADD COLUMN avatar VARCHAR(200);") == 1
    assert "-- schemas: auth_default, auth_toshiba, auth_iopex" in sql
    status = [line.split() for line in clone.npm("migrate:status").lines]
    for schema in AUTH:
        assert ["auth-api", schema, "pending", "index_users_role", "add_user_avatar"] in status
    for schema in WORKFLOW:
        assert ["workflow-engine", schema, "up-to-date", "index_runs_workflow_id", "-"] in status
    assert avatar_columns(clone) == []

    clone.down()
    output = clone.dev("dev:skip-migrations")
    assert HEADING not in output
    assert avatar_columns(clone) == []


@pytest.mark.usefixtures("day_one")
def test_a_pulled_revision_is_applied_by_the_next_start(clone: Clone) -> None:
    lines = block(clone.dev())
    expected = [HEADING, *applied(AUTH, "add_user_avatar"), *up_to_date((*WORKFLOW, "ingestion-service"))]
    assert lines[: len(expected)] == expected
    assert summary(lines[len(expected)]) == "7 schemas: 4 up-to-date, 3 applied, 0 failed, 0 skipped"
    assert avatar_columns(clone) == sorted(AUTH)


@pytest.mark.usefixtures("day_one")
def test_migrate_works_beside_running_services_and_for_one_service(clone: Clone) -> None:
    add = 'op.add_column("documents", sa.Column("{0}", sa.Integer))'
    clone.add_revision("python_apps/ingestion_service", "add_pages", add.format("pages"), "b1b1b1b1b1b1")
    clone.add_revision(
        "python_apps/ingestion_service", "add_chapters", add.format("chapters"), "b2b2b2b2b2b2"
    )
    clone.add_revision(
        "python_apps/workflow_engine", "count_runs", 'op.execute("SELECT count(*) FROM runs")', "c1c1c1c1c1c1"
    )
    one = clone.npm("migrate:ingestion-service")
    assert applied(["ingestion-service"], "add_pages, add_chapters")[0] in one.lines
    assert not any("auth_" in line or "workflow_" in line for line in one.lines), one.output
    rest = clone.npm("migrate")
    for line in (*up_to_date(AUTH), *applied(WORKFLOW, "count_runs"), *up_to_date(["ingestion-service"])):
        assert line in rest.lines, rest.output
    assert clone.npm("migrate:status").code == 0
    assert clone.all_well()


@pytest.mark.usefixtures("day_one")
def test_an_edited_model_becomes_a_revision_and_a_column(clone: Clone) -> None:
    service = "python_apps/workflow_engine"
    field = "    step_count: int = Field("
    clone.replace(
        f"{service}/workflow_engine/models.py",
        field,
        f"    owner: str | None = Field(default=None, max_length=80)\n{field}",
    )
    uv = str(clone.root / ".venv" / "bin" / "uv")
    words = ("run", "alembic", "revision", "--autogenerate", "-m", "add_workflow_owner")
    new = clone.run(uv, *words, folder=clone.root / service)
    assert new.code == 0, new.output
    (file,) = (clone.root / service).glob("migrations/versions/*_add_workflow_owner.py")
    operations = re.findall(r"op\.(\w+)\(", file.read_text(encoding="utf-8"))
    assert operations == ["add_column", "drop_column"]
    lines = clone.npm("migrate").lines
    for line in applied(WORKFLOW, "add_workflow_owner"):
        assert line in lines
    status, workflow = clone.request("workflow-engine", "/default/workflows", {"name": "owned"}, API_KEY)
    assert (status, workflow["owner"]) == (201, None)


@pytest.mark.usefixtures("day_one")
def test_a_port_in_use_is_named_and_nothing_starts(clone: Clone) -> None:
    clone.down()
    with socket.create_server(("127.0.0.1", clone.ports["workflow-engine"])):
        failed = clone.npm("dev", code=None, seconds=120)
    assert str(clone.ports["workflow-engine"]) in failed.output
    assert "workflow-engine" in failed.output
    assert HEADING not in failed.lines
    assert clone.containers() == set()


@pytest.mark.usefixtures("day_one")
def test_a_broken_revision_is_named_and_no_service_starts_on_it(clone: Clone) -> None:
    clone.down()
    broken = (
        'if op.get_bind().scalar(sa.text("SELECT current_schema()")) == "workflow_toshiba":\n'
        '        raise RuntimeError("run 7 has no owner")'
    )
    file = clone.add_revision("python_apps/workflow_engine", "add_run_owner", broken, "c2c2c2c2c2c2")
    failed = clone.npm("dev", code=None, seconds=120)
    lines = failed.lines
    for line in (*up_to_date(AUTH), *applied(["workflow_default"], "add_run_owner")):
        assert line in lines, failed.output
    failures = [line for line in lines if line.startswith("  ✗ workflow_toshiba failed at add_run_owner: ")]
    assert len(failures) == 1, failed.output
    assert "run 7 has no owner" in failures[0]
    assert not any(line.startswith("  ✓") and "ingestion-service" in line for line in lines), failed.output
    assert any("ingestion-service" in line for line in lines), failed.output
    assert BACKEND not in lines
    assert "Traceback" not in failed.output
    assert clone.containers() <= {"postgres"}
    assert [clone.health(service)[0] for service in HEALTH] == [0, 0, 0]

    file.write_text(file.read_text(encoding="utf-8").replace(broken, "pass"), encoding="utf-8")
    mended = block(clone.dev())
    assert applied(["workflow_toshiba"], "add_run_owner")[0] in mended
    assert up_to_date(["workflow_default"])[0] in mended


@pytest.mark.usefixtures("day_one")
def test_a_revision_of_another_branch_is_named_with_the_way_out(clone: Clone) -> None:
    add = 'op.add_column("users", sa.Column("nickname", sa.String(50)))'
    file = clone.add_revision("python_apps/auth_api", "add_nickname", add, "a2a2a2a2a2a2")
    clone.npm("migrate")
    clone.down()
    text = file.read_text(encoding="utf-8")
    file.unlink()
    failed = clone.npm("dev", code=None, seconds=120)
    assert "auth_default ahead: schema auth_default is at add_nickname, newer than" in failed.output
    for label in AUTH[:1]:
        assert any(line.startswith(f"  ✗ {label}") for line in failed.lines), failed.output
    assert "dev:death" in failed.output
    assert "Traceback" not in failed.output
    assert BACKEND not in failed.lines
    assert clone.containers() <= {"postgres"}

    file.write_text(text, encoding="utf-8")
    assert up_to_date(["auth_default"])[0] in block(clone.dev())


@pytest.mark.usefixtures("day_one")
def test_infrastructure_and_backend_start_apart(clone: Clone) -> None:
    clone.down()
    assert clone.containers() == set()
    assert [clone.health(service)[0] for service in HEALTH] == [0, 0, 0]
    infra = clone.start("dev:infra")
    infra.wait_for(lambda _: clone.containers() == {"postgres"}, 60)
    assert infra.wait(60).code == 0
    assert clone.query("auth", "select 1") == ["1"]
    clone.dev("dev:backend")
    assert clone.containers() == {"postgres", *HEALTH}


@pytest.mark.usefixtures("day_one")
def test_death_wipes_everything_and_the_next_day_is_day_one(clone: Clone) -> None:
    clone.leave()
    assert clone.volumes()
    clone.npm("dev:death")
    assert (clone.containers(), clone.volumes()) == (set(), set())
    lines = block(clone.dev())
    assert summary(lines[1 + len(LABELS)]) == "7 schemas: 0 up-to-date, 7 applied, 0 failed, 0 skipped"
    assert clone.request("auth-api", "/api/default/users") == (200, [])
    clone.down()
