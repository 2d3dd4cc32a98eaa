"""Variables come from the environment first and from the nearest `.env` otherwise."""

from pathlib import Path

import pytest

from auth_api import settings


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service's folder two levels below a repository's root, and an environment without our variables."""
    folder = tmp_path / "python_apps" / "auth_api"
    folder.mkdir(parents=True)
    for name in ("ELEVAITE_TENANTS", "AUTH_DATABASE_URL", "PORT", "HOST", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settings, "SERVICE_FOLDER", folder)
    return folder


def test_the_environment_wins_and_a_blank_variable_counts_as_unset(
    service: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (service.parents[1] / ".env").write_text("HOST=from-file\n")
    assert settings.variable("HOST") == "from-file"
    monkeypatch.setenv("HOST", "  ")
    assert settings.variable("HOST") == "from-file"
    monkeypatch.setenv("HOST", "from-environment")
    assert settings.variable("HOST") == "from-environment"


def test_only_the_nearest_env_file_is_read(service: Path) -> None:
    (service.parents[1] / ".env").write_text("HOST=far\nPORT=1\n")
    (service / ".env").write_text("HOST=near\n")
    assert settings.variable("HOST") == "near"
    assert settings.variable("PORT", "8004") == "8004"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=value", "value"),
        ("KEY='a # b'", "a # b"),
        ('KEY="a b"  # comment', "a b"),
        ("KEY=value # comment", "value"),
        ("KEY=a#b", "a#b"),
        ("export KEY = value\r", "value"),
        ("KEY=", ""),
        ("KEY= # comment", ""),
        ("# KEY=value", None),
        ("no assignment", None),
    ],
)
def test_a_line_of_an_env_file(tmp_path: Path, line: str, value: str | None) -> None:
    (tmp_path / ".env").write_bytes(line.encode() + b"\n")
    assert settings.read_env_file(tmp_path / ".env").get("KEY") == value


def test_an_env_file_that_is_no_text_is_named(service: Path) -> None:
    (service / ".env").write_bytes(b"HOST=\xff\n")
    with pytest.raises(settings.SettingsError, match=r"\.env cannot be read"):
        settings.variable("HOST")


def test_tenants_keep_their_order_and_are_named_once(service: Path) -> None:
    (service / ".env").write_text("ELEVAITE_TENANTS='toshiba, default,toshiba,'\n")
    assert settings.tenants() == ("toshiba", "default")


@pytest.mark.parametrize("names", ['x"; drop schema public', "Default", "a b", "t" * 80])
def test_a_tenant_that_is_no_identifier_is_refused(
    service: Path, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    monkeypatch.setenv("ELEVAITE_TENANTS", names)
    with pytest.raises(settings.SettingsError, match=r"not a (tenant|schema)"):
        settings.tenants()


def test_a_hyphen_becomes_an_underscore() -> None:
    assert settings.schema_of("customer-1") == "auth_customer_1"


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg2", "postgresql+asyncpg"])
def test_every_postgresql_url_gets_the_driver_of_this_service(
    service: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("AUTH_DATABASE_URL", f"{scheme}://user:p%40ss@db:5432/auth")
    url = settings.database_url()
    assert url.render_as_string(hide_password=False) == "postgresql+psycopg://user:p%40ss@db:5432/auth"


@pytest.mark.parametrize(
    "value", ["mysql://user:hidden@db/auth", "user:hidden@db", "postgresql://u:hidden@db:x/a"]
)
def test_an_unusable_url_is_named_without_its_password(
    service: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AUTH_DATABASE_URL", value)
    with pytest.raises(settings.SettingsError, match="AUTH_DATABASE_URL") as caught:
        settings.database_url()
    assert "hidden" not in str(caught.value)


def test_a_missing_variable_is_named(service: Path) -> None:
    with pytest.raises(settings.SettingsError, match="ELEVAITE_TENANTS is not set"):
        settings.load_settings()


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_refused(service: Path, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(settings.SettingsError, match="PORT"):
        settings.load_settings()
