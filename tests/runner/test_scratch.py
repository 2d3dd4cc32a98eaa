"""The temporary folder of a run that was killed is removed by the next one, and no other."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from genmigrate import scratch

from .test_exchange import SLOW, _children, sleeping, until

if TYPE_CHECKING:
    from .conftest import Platform

#: Makes folders as fast as it can, and says which of them were gone or another's when they were made.
HURRY = """
import os, sys
from genmigrate import scratch
for _ in range(300):
    folder, held = scratch.make()
    (folder / "driver").write_text("x")
    assert sorted(os.listdir(held)) == ["driver"], folder
    assert os.path.samestat(folder.stat(), os.fstat(held))
    os.close(held)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def folders(platform: Platform) -> set[str]:
    return {each.name for each in Path(platform.environ["TMPDIR"]).glob("genmigrate-*")}


def test_a_killed_run_s_folder_goes_with_the_next_run(platform: Platform) -> None:
    """Not before its worker has ended too: that still writes its last words there."""
    platform.only("accounts", "intake")
    platform.add("accounts", "a3", "a2", "slow", SLOW)
    driver = platform.start("upgrade")
    until(lambda: sleeping(platform))
    (left,) = folders(platform)
    workers = [int(pid) for pid in _children(driver.pid)]
    assert workers
    driver.kill()
    driver.wait()
    assert platform.run("status", "--service", "intake").code == 0
    assert folders(platform) == {left}
    for worker in workers:
        os.killpg(worker, signal.SIGKILL)
    until(lambda: platform.run("status", "--service", "intake").code == 0 and not folders(platform))


def test_a_stopped_run_keeps_its_folder(platform: Platform) -> None:
    """It does not beat, as on a laptop that slept, and goes on when it is woken."""
    platform.only("accounts", "intake")
    platform.plan["tenants"] = ["default"]
    platform.add("accounts", "a3", "a2", "slow", 'op.execute("SELECT pg_sleep(3)")')
    driver = platform.start("upgrade", "--service", "accounts")
    until(lambda: sleeping(platform))
    (used,) = folders(platform)
    driver.send_signal(signal.SIGSTOP)
    assert platform.run("status", "--service", "intake").code == 0
    assert folders(platform) == {used}
    driver.send_signal(signal.SIGCONT)
    assert driver.wait(30) == 0
    assert folders(platform) == set()


def test_what_is_not_a_dead_run_s_stays(temporary: Path) -> None:
    def folder(name: str) -> Path:
        (temporary / name).mkdir()
        (temporary / name / "driver").write_text("{}")
        return temporary / name

    gone = folder(f"{scratch.PREFIX}gone")
    (gone / "driver").unlink()
    (gone / "stop").symlink_to(folder("elsewhere") / "driver")
    kept = [folder("genmigrate-abcdefgh"), folder(f"x{scratch.PREFIX}y"), temporary / "elsewhere"]
    kept.append(folder(f"{scratch.PREFIX}used"))
    used = os.open(kept[-1], os.O_RDONLY)
    fcntl.flock(used, fcntl.LOCK_EX)
    kept.append(folder(f"{scratch.PREFIX}deep") / "folder")
    kept[-1].mkdir()
    (temporary / f"{scratch.PREFIX}link").symlink_to("elsewhere")
    (temporary / f"{scratch.PREFIX}file").write_text("x")
    kept += [temporary / f"{scratch.PREFIX}link", temporary / f"{scratch.PREFIX}file"]
    others = folder(f"{scratch.PREFIX}others")
    if os.geteuid() == 0:
        os.chown(others, 65534, 65534)
    made, held = scratch.make()
    assert not gone.exists()
    assert all(each.exists() for each in [*kept, made])
    assert all((each / "driver").exists() for each in kept[:4])
    assert others.exists() == (os.geteuid() == 0)
    for each in (used, held):
        os.close(each)
    scratch.sweep()
    assert (made.exists(), kept[3].exists(), kept[0].exists()) == (False, False, True)


def test_runs_that_begin_together_sweep_none_of_each_other(tmp_path: Path) -> None:
    """Between the making of a folder and its lock somebody else may sweep it: then another is made."""
    environ = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(Path(scratch.__file__).parents[1]),
    }
    started = [
        subprocess.Popen([sys.executable, "-c", HURRY], env=environ, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert said == [""] * 4
    assert [process.returncode for process in started] == [0] * 4
