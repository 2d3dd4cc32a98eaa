"""`.env` is completed at a start: what is blank is filled, what is ours follows, what the user typed stays."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest

from localdev import envfile
from localdev.console import DevError
from tests.native import small

if TYPE_CHECKING:
    from pathlib import Path

    from localdev.project import Project

EXAMPLE = """\
# Local secrets
POSTGRES_PASSWORD=
SHOP_TENANTS='a,b'

ORDERS_URL=   # the database of orders
PAYMENT_KEY=
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / ".env.example").write_text(EXAMPLE, encoding="utf-8")
    orders = small.service(
        "orders", ["true"], database="orders", url_env="ORDERS_URL", secrets=["PAYMENT_KEY"]
    )
    return small.project(tmp_path, orders)


def start(project: Project, data_exist: bool = False) -> dict[str, str]:
    return envfile.prepare(project, small.state(project.root), lambda: data_exist)


def text(project: Project) -> str:
    return (project.root / ".env").read_text(encoding="utf-8")


def edit(project: Project, old: str, new: str) -> None:
    assert text(project).count(old) == 1
    (project.root / ".env").write_text(text(project).replace(old, new), encoding="utf-8")


def test_the_first_start_fills_what_is_local_and_says_so(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    values = start(project)
    password = values["POSTGRES_PASSWORD"]
    assert re.fullmatch(r"[0-9a-f]{48}", password)
    url = f"postgresql://shop:{password}@127.0.0.1:{project.postgres.port}/orders"
    filled = EXAMPLE.replace("PASSWORD=", f"PASSWORD={password}").replace("ORDERS_URL=", f"ORDERS_URL={url}")
    assert text(project) == filled
    said = capsys.readouterr().err
    assert "filled in .env: POSTGRES_PASSWORD, ORDERS_URL" in said
    assert password not in said


def test_the_second_start_changes_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    start(project)
    before = (project.root / ".env").stat()
    capsys.readouterr()
    start(project, data_exist=True)
    after = (project.root / ".env").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert capsys.readouterr() == ("", "")


def test_two_first_starts_at_once_agree_on_the_password(project: Project) -> None:
    second: list[dict[str, str]] = []
    other = threading.Thread(target=lambda: second.append(start(project)))

    def data_exist() -> bool:  # asked in the middle of the first one
        other.start()
        other.join(0.5)
        return False

    first = envfile.prepare(project, small.state(project.root), data_exist)
    other.join(10)
    assert second == [first]
    assert first["POSTGRES_PASSWORD"] in text(project)


def test_a_url_of_ours_follows_the_specification(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    password = start(project)["POSTGRES_PASSWORD"]
    moved = small.project(
        project.root,
        small.service("orders", ["true"], database="orders2", url_env="ORDERS_URL"),
    )
    assert (
        start(moved)["ORDERS_URL"] == f"postgresql://shop:{password}@127.0.0.1:{moved.postgres.port}/orders2"
    )
    assert "brought up to date in .env: ORDERS_URL" in capsys.readouterr().err


def test_a_url_typed_by_hand_is_kept_and_told(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    start(project)
    mine = "postgresql://me:secret@db.example:5432/orders"
    edit(project, start(project)["ORDERS_URL"], mine)
    capsys.readouterr()
    assert start(project)["ORDERS_URL"] == mine
    said = capsys.readouterr().err
    assert "ORDERS_URL in .env is kept" in said
    assert "secret" not in said


def test_another_spelling_of_our_url_is_left_in_peace(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    url = start(project)["ORDERS_URL"]
    spelt = url.replace("postgresql:", "postgresql+psycopg:").replace("127.0.0.1", "localhost")
    edit(project, url, spelt)
    capsys.readouterr()
    assert start(project)["ORDERS_URL"] == spelt
    assert capsys.readouterr().err == ""


def test_the_tenants_follow_the_specification(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    start(project)
    edit(project, "'a,b'", "'a'")
    capsys.readouterr()
    assert start(project)["SHOP_TENANTS"] == "a,b"
    assert "SHOP_TENANTS='a,b'\n" in text(project)
    assert "SHOP_TENANTS in .env follows the specification: a -> a,b" in capsys.readouterr().err


def test_a_password_that_a_url_cannot_hold_is_refused(project: Project) -> None:
    start(project)
    edit(project, start(project)["POSTGRES_PASSWORD"] + "\n", "p@ss\n")
    before = text(project)
    with pytest.raises(DevError, match="cannot stand in a database URL"):
        start(project)
    assert text(project) == before


def test_a_password_is_not_invented_for_data_that_exist(project: Project) -> None:
    with pytest.raises(DevError, match="was made with a password") as caught:
        start(project, data_exist=True)
    assert "dev death" in caught.value.help
    assert not (project.root / ".env").exists()


def test_without_an_example_the_way_out_is_said(project: Project) -> None:
    (project.root / ".env.example").unlink()
    with pytest.raises(DevError, match=r"neither \.env nor") as caught:
        start(project)
    assert "run `gen`" in caught.value.help


def test_blank_secrets_are_named_unless_the_shell_has_them(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    envfile.say_blank_secrets(project, {}, {})
    envfile.say_blank_secrets(project, {}, {"PAYMENT_KEY": "x"})
    envfile.say_blank_secrets(project, {"PAYMENT_KEY": "x"}, {})
    assert capsys.readouterr().err == "orders: PAYMENT_KEY is blank in .env\n"
