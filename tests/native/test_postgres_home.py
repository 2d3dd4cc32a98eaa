"""The folder of PostgreSQL's data is one that was made here for this user, or nothing is done with it."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localdev.console import DevError
from localdev.postgres import home as homes
from localdev.postgres.binaries import Binaries
from localdev.postgres.home import MARKER, Account, Home
from localdev.postgres.server import Server
from tests.native import small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AS_ROOT = os.geteuid() == 0
#: Looks like a postmaster of the folder that it gets.
SLEEPER = ["/bin/sh", "-c", "read forever", "-D"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / ".gen" / "postgres", None)


def server(home: Home) -> Server:
    gen = home.base.parent
    return Server(
        home=home,
        wanted=16,
        port=small.free_port(),
        user="shop",
        log=gen / "postgres.log",
        locks=gen,
        script=lambda command: f"make {command}",
    )


def link(home: Home) -> None:
    (home.base.parent / "elsewhere").mkdir(parents=True)
    home.base.symlink_to("elsewhere")


def link_above(home: Home) -> None:
    (home.base.parent.parent / "elsewhere" / "postgres").mkdir(parents=True)
    home.base.parent.symlink_to("elsewhere")


def file(home: Home) -> None:
    home.base.parent.mkdir(parents=True)
    home.base.touch()


def open_to_all(home: Home) -> None:
    home.make()
    home.base.chmod(0o777)


def of_somebody_else(home: Home) -> None:
    if not AS_ROOT:
        pytest.skip("only root gives a folder away")
    home.make()
    os.chown(home.base, 65534, 65534)


def full_of_other_things(home: Home) -> None:
    (home.base / "data").mkdir(parents=True, mode=0o700)


def data_elsewhere(home: Home) -> None:
    home.make()
    (home.base / "data").symlink_to("/")


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (link, "is not a folder"),
        (link_above, "is a symbolic link"),
        (file, "is not a folder"),
        (open_to_all, "can be written by others"),
        (of_somebody_else, "belongs to somebody else"),
        (full_of_other_things, "was not made by gen"),
        (data_elsewhere, "is not a folder of the account that runs PostgreSQL"),
    ],
)
def test_a_folder_that_was_not_made_here_is_refused_by_everything(
    home: Home, prepare: Callable[[Home], None], why: str
) -> None:
    prepare(home)
    ours = server(home)
    actions: list[Callable[[], object]] = [
        home.make,
        home.wipe,
        ours.running,
        ours.made,
        ours.stop,
        lambda: ours.ensure("secret"),
    ]
    for action in actions:
        with pytest.raises(DevError, match=why) as caught:
            action()
        assert str(home.base.parent) in caught.value.message
        assert "move it away or remove it" in caught.value.help
    assert os.path.lexists(home.base)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_folder_is_made_for_this_user_alone(home: Home, umask: int) -> None:
    for_root = Home(home.base.with_name("for-root"), Account("nobody", 65534, 65534))
    home.base.parent.mkdir()
    before = os.umask(umask)
    try:
        home.make()
        for_root.make()
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.base.stat().st_mode) == 0o700
    assert stat.S_IMODE(for_root.base.stat().st_mode) == 0o755
    home.make()
    assert home.exists()


def test_only_what_was_made_here_is_wiped(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert not home.wipe()
    home.make()
    for name in ("data", "programs-16-abc", "new-1", "mine"):
        (home.base / name).mkdir()
    (home.base / "new-link").symlink_to("mine")
    assert home.wipe()
    assert sorted(entry.name for entry in home.base.iterdir()) == [MARKER, "mine"]
    assert "since gen did not make it: mine" in capsys.readouterr().err
    (home.base / "mine").rmdir()
    assert home.wipe()
    assert not home.base.exists()


@pytest.fixture
def postmaster(home: Home) -> Iterator[Callable[[int], int]]:
    """Starts a process that looks like the postmaster of this home, as a user of this system."""
    started: list[subprocess.Popen[bytes]] = []

    def start(uid: int) -> int:
        home.make()
        home.data.mkdir(exist_ok=True)
        more = {"user": uid} if uid != os.geteuid() else {}
        process = subprocess.Popen([*SLEEPER, str(home.data)], cwd="/", stdin=subprocess.PIPE, **more)
        started.append(process)
        time.sleep(0.1)
        (home.data / "postmaster.pid").write_text(f"{process.pid}\n")
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_postmaster_is_a_process_of_the_account(home: Home, postmaster: Callable[[int], int]) -> None:
    pid = postmaster(os.geteuid())
    found = server(home).running()
    assert found is not None
    assert found.pid == pid
    if AS_ROOT:
        postmaster(65534)
        assert server(home).running() is None


def test_the_password_is_never_asked_for_in_clear(home: Home, tmp_path: Path) -> None:
    psql = tmp_path / "psql"
    psql.write_text('#!/bin/sh\necho "$PGREQUIREAUTH" >&2\nexit 1\n', encoding="utf-8")
    psql.chmod(0o755)
    with pytest.raises(DevError, match="scram-sha-256"):
        server(home)._check_password(Binaries(16, tmp_path, None, "test"), "secret")


def test_root_s_folder_is_refused_where_somebody_was_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not AS_ROOT:
        pytest.skip("the folder outside the clone is root's")
    monkeypatch.setattr(homes, "FOR_ROOT", tmp_path)
    found = homes.home(tmp_path / "clone", "gen dev up")
    (tmp_path / "trap").mkdir()
    found.base.symlink_to(tmp_path / "trap")
    with pytest.raises(DevError, match=f"{found.base} is not a folder"):
        found.make()
    assert list((tmp_path / "trap").iterdir()) == []
