"""The native way of the product from an empty checkout to `dev:death`, told in order on one fresh clone."""

from __future__ import annotations

import re
import socket
import stat
import time
from typing import TYPE_CHECKING

import pytest

from tests.engine.clone import LABELS, TENANTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.native.clone import NativeClone

HEADING = "🗄️  Running database migrations..."
BACKEND = "🔧 Starting backend services..."
AUTH = tuple(label for label in LABELS if label.startswith("auth_"))
WORKFLOW = tuple(label for label in LABELS if label.startswith("workflow_"))
AUTH_API = "python_apps/auth_api"
REST = (*WORKFLOW, "ingestion-service")
API_KEY = "key-of-this-test"

# The cases build on each other: each one starts from what the one before it left.
pytestmark = pytest.mark.usefixtures("day_one")


def up_to_date(labels: Iterable[str]) -> list[str]:
    return [f"  ✓ {label} already up-to-date" for label in labels]


def applied(labels: Iterable[str], slugs: str) -> list[str]:
    return [f"  ✓ Applied new migrations to {label} ({slugs})" for label in labels]


def block(output: str) -> list[str]:
    """The lines from the migrations' heading to the services' one, both included."""
    lines = [line.rstrip() for line in output.splitlines()]
    assert HEADING in lines, output
    assert BACKEND in lines, output
    return lines[lines.index(HEADING) : lines.index(BACKEND) + 1]


@pytest.fixture(scope="module")
def day_one(clone: NativeClone) -> str:
    """`npm install && cp .env.example .env && npm run dev:native`; gives what the last one printed."""
    assert clone.run("npm", "install", "--offline").code == 0
    assert clone.run("cp", ".env.example", ".env").code == 0
    return clone.dev("dev:native", seconds=240)


def test_day_one_creates_every_schema_and_starts_every_service(clone: NativeClone, day_one: str) -> None:
    lines = block(day_one)
    names = [line.split(" (")[0] for line in lines[1 : 1 + len(LABELS)]]
    assert names == [f"  ✓ Applied new migrations to {label}" for label in LABELS]
    assert lines[1 + len(LABELS)].startswith("7 schemas: 0 up-to-date, 7 applied, 0 failed, 0 skipped (")
    for service in ("auth-api", "workflow-engine", "ingestion-service"):
        status, body = clone.health(service)
        assert (status, body["tenants"]) == (200, dict.fromkeys(TENANTS, "ok"))


def test_day_one_fills_in_local_secrets_and_names_a_service_s_own(clone: NativeClone, day_one: str) -> None:
    password = clone.dotenv()["POSTGRES_PASSWORD"]
    url = f"postgresql://elevaite:{password}@127.0.0.1:{clone.ports['postgres']}/auth"
    assert re.fullmatch(r"[A-Za-z0-9._~-]{32,}", password)
    assert clone.dotenv()["AUTH_DATABASE_URL"] == url
    assert clone.dotenv()["WORKFLOW_API_KEY"] == ""
    assert "filled in .env: POSTGRES_PASSWORD, AUTH_DATABASE_URL, WORKFLOW_DATABASE_URL" in day_one
    assert "workflow-engine: WORKFLOW_API_KEY is blank in .env" in day_one
    assert password not in day_one
    assert not any(password in process for process in clone.processes())
    logs = "".join(path.read_text(errors="replace") for path in (clone.root / ".gen/logs").iterdir())
    assert password not in logs
    assert stat.S_IMODE((clone.root / ".env").stat().st_mode) == 0o600
    assert clone.run("git", "status", "--porcelain").output == ""


def test_each_tenant_keeps_its_own_rows(clone: NativeClone) -> None:
    for tenant in TENANTS:
        user = {"email": f"one@{tenant}.example", "role": "admin"}
        assert clone.request("auth-api", f"/api/{tenant}/users", user)[0] == 201
        document = {"title": tenant, "content": "two words"}
        assert clone.request("ingestion-service", f"/{tenant}/documents", document)[0] == 201
    for tenant in TENANTS:
        _, users = clone.request("auth-api", f"/api/{tenant}/users")
        assert [user["email"] for user in users] == [f"one@{tenant}.example"]
        _, documents = clone.request("ingestion-service", f"/{tenant}/documents")
        assert [document["title"] for document in documents] == [tenant]


def test_a_second_start_beside_the_first_is_refused(clone: NativeClone) -> None:
    again = clone.npm("dev:native", code=None)
    assert "error: the services of this clone are already started or starting" in again.lines
    assert "npm run dev:down" in again.output
    assert clone.all_well()


def test_logs_show_every_service(clone: NativeClone) -> None:
    clone.health("auth-api")
    shown = clone.run("npm", "run", "dev:logs", "--", "--no-follow").output
    for name in ("auth-api", "workflow-engine", "ingestion-service"):
        assert re.search(rf"^{name} +\| .*Uvicorn running", shown, re.M), shown
    assert re.search(r"^postgres +\| .*database system is ready", shown, re.M), shown
    following = clone.start("dev:logs")
    following.wait_for(lambda text: "Uvicorn running" in text, 20)
    before = following.output.count("GET /api/health")
    clone.health("auth-api")
    following.wait_for(lambda text: text.count("GET /api/health") > before, 20)
    assert following.interrupt().code != 0
    assert clone.all_well()


def test_ctrl_c_leaves_no_process_and_day_two_prints_the_block(clone: NativeClone) -> None:
    assert clone.processes()
    clone.leave()
    assert clone.processes() == []
    clone.replace(".env", "WORKFLOW_API_KEY=", f"WORKFLOW_API_KEY={API_KEY} # was: ")
    started = time.monotonic()
    output = clone.dev("dev:native")
    assert time.monotonic() - started < 60
    assert block(output) == [HEADING, *up_to_date(LABELS), BACKEND]
    before = output[: output.index(HEADING)].splitlines()
    assert [line for line in before if line and not line.startswith(("> ", "npm "))] == []
    status, workflow = clone.request("workflow-engine", "/toshiba/workflows", {"name": "a"}, API_KEY)
    assert (status, workflow["name"]) == (201, "a")
    assert clone.request("auth-api", "/api/iopex/users")[1][0]["email"] == "one@iopex.example"


def test_an_autogenerated_revision_is_shown_and_applied(clone: NativeClone) -> None:
    role = '    role: str = Field(\n        default="viewer",\n        max_length=32,\n        foreign_key='
    avatar = "    avatar: str | None = Field(default=None, max_length=200)\n"
    clone.replace(f"{AUTH_API}/auth_api/models.py", role, avatar + role)
    made = clone.alembic(AUTH_API, "revision", "--autogenerate", "-m", "add_user_avatar")
    assert made.code == 0, made.output
    assert "Detected added column 'users.avatar'" in made.output

    status = clone.npm("migrate:status")
    pending = [line for line in status.lines if "add_user_avatar" in line]
    assert [label for label in LABELS if any(label in line for line in pending)] == list(AUTH), status.output
    sql = clone.npm("migrate:sql").output
    assert sql.count("ALTER TABLE users ADD COLUMN avatar VARCHAR(200);") == 1
    assert f"-- schemas: {', '.join(AUTH)}" in sql.splitlines()
    as_json = clone.run("npm", "run", "--silent", "migrate:status", "--", "--json")
    assert as_json.output.startswith("{"), as_json.output

    lines = clone.npm("migrate").lines
    expected = [HEADING, *applied(AUTH, "add_user_avatar"), *up_to_date(REST)]
    start = lines.index(HEADING)
    assert lines[start : start + len(expected)] == expected
    assert lines[start + len(expected)].startswith("7 schemas: 4 up-to-date, 3 applied, 0 failed, 0 skipped")
    assert clone.npm("migrate:auth-api").lines[-3:] == up_to_date(AUTH)
    assert clone.all_well()


def test_a_broken_revision_is_named_and_no_service_starts_on_it(clone: NativeClone) -> None:
    clone.leave()
    broken = (
        'if op.get_bind().scalar(sa.text("SELECT current_schema()")) == "workflow_toshiba":\n'
        '        raise RuntimeError("run 7 has no owner")'
    )
    file = clone.add_revision("python_apps/workflow_engine", "add_run_owner", broken, "c2c2c2c2c2c2")
    failed = clone.npm("dev:native", code=1)
    lines = failed.lines
    for line in (*up_to_date(AUTH), *applied(["workflow_default"], "add_run_owner")):
        assert line in lines, failed.output
    assert any(line.startswith("  ✗ workflow_toshiba failed at add_run_owner: ") for line in lines)
    assert "run 7 has no owner" in failed.output
    assert "Traceback" not in failed.output
    assert "ended with exit code 1" in failed.output
    assert BACKEND not in lines
    assert clone.processes() == []

    status = clone.npm("migrate:status")
    assert "PostgreSQL is started for this command" in status.lines
    assert clone.processes() == []
    file.write_text(file.read_text(encoding="utf-8").replace(broken, "pass"), encoding="utf-8")
    mended = clone.npm("migrate").lines
    assert applied(["workflow_toshiba"], "add_run_owner")[0] in mended
    assert up_to_date(["workflow_default"])[0] in mended


def test_a_revision_of_another_branch_is_named_with_the_way_out(clone: NativeClone) -> None:
    _newest, file = clone.head(AUTH_API)
    slug = file.stem.partition("_")[2]
    text = file.read_text(encoding="utf-8")
    file.unlink()
    failed = clone.npm("dev:native", code=5)
    assert (
        f"  ✗ auth_default ahead: schema auth_default is at {slug}, newer than this image's" in failed.output
    )
    assert any(line.startswith("  ✗ auth_default") for line in failed.lines), failed.output
    assert "npm run dev:death" in failed.output
    assert "Traceback" not in failed.output
    assert BACKEND not in failed.lines
    file.write_text(text, encoding="utf-8")


def test_skip_migrations_starts_on_what_is_there(clone: NativeClone) -> None:
    add = 'op.add_column("users", sa.Column("nickname", sa.String(50)))'
    file = clone.add_revision(AUTH_API, "add_nickname", add, "a2a2a2a2a2a2")
    output = clone.dev("dev:skip-migrations")
    assert HEADING not in output
    assert "nickname" not in columns(clone)
    file.unlink()


def columns(clone: NativeClone) -> list[str]:
    sql = "select column_name from information_schema.columns where table_name = 'users' order by 1"
    return clone.rows("AUTH_DATABASE_URL", sql)


def test_down_from_another_terminal_ends_everything(clone: NativeClone) -> None:
    down = clone.npm("dev:down")
    assert "stopped: auth-api, workflow-engine, ingestion-service" in down.output
    clone.leave()
    assert clone.processes() == []
    assert "nothing was running" in clone.npm("dev:down").lines


def test_infrastructure_and_backend_start_apart(clone: NativeClone) -> None:
    refused = clone.npm("dev:backend", code=1)
    assert "error: PostgreSQL is not up" in refused.lines
    assert "npm run dev:infra" in refused.output
    clone.npm("dev:infra")
    assert clone.rows("AUTH_DATABASE_URL", "select 1") == ["1"]
    clone.dev("dev:backend")
    clone.leave()
    assert clone.rows("AUTH_DATABASE_URL", "select 1") == ["1"]  # it stays until dev:down
    assert "stopped: PostgreSQL" in clone.npm("dev:down").lines
    assert clone.processes() == []


def test_a_taken_port_is_named_with_its_holder(clone: NativeClone) -> None:
    for name in ("postgres", "workflow-engine"):
        with socket.create_server(("127.0.0.1", clone.ports[name])):
            failed = clone.npm("dev:native", code=1)
        what = "PostgreSQL" if name == "postgres" else name
        port = f"error: port {clone.ports[name]} of 127.0.0.1, meant for {what}, is already taken by "
        assert port in failed.output
        assert re.search(r"taken by .* \(pid \d+\)", failed.output)
        assert clone.processes() == []


def test_a_password_that_does_not_fit_is_told_with_the_way_out(clone: NativeClone) -> None:
    kept = (clone.root / ".env").read_bytes()
    password = clone.dotenv()["POSTGRES_PASSWORD"]
    for typed, said in (
        ("", "POSTGRES_PASSWORD is blank in .env, but the local database was made with a password"),
        ("another-one", "PostgreSQL refuses the password in .env"),
        ("a@b/c", "POSTGRES_PASSWORD in .env cannot stand in a database URL as it is"),
    ):
        (clone.root / ".env").write_bytes(kept)
        clone.replace(".env", f"POSTGRES_PASSWORD={password}", f"POSTGRES_PASSWORD={typed}")
        failed = clone.npm("dev:native", code=None)
        assert said in failed.output
        assert password not in failed.output
        assert clone.processes() == []
    (clone.root / ".env").write_bytes(kept)


def test_death_wipes_everything_and_the_next_day_is_day_one(clone: NativeClone) -> None:
    kept = (clone.root / ".env").read_bytes()
    clone.npm("dev:infra")
    assert clone.data.is_dir()
    death = clone.npm("dev:death")
    assert f"removed: {clone.data} (all local data)" in death.lines
    assert not clone.data.exists()
    assert clone.processes() == []
    assert (clone.root / ".env").read_bytes() == kept
    lines = clone.npm("migrate").lines
    assert any(line.startswith("7 schemas: 0 up-to-date, 7 applied, 0 failed") for line in lines), lines
