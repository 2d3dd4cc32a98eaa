"""A recorded process group is ended when it is ours, and never when its number became somebody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from localdev import processes
from localdev.native import Native
from localdev.processes import TOKEN, Mark, members
from tests.native import small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Leads a group and ends; its child stays in the group.
LEADER = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"


@contextmanager
def orphans(token: str) -> Iterator[int]:
    """A group without its leader, whose one member carries `token`."""
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER], start_new_session=True, env={**os.environ, TOKEN: token}
    )
    leader.wait()
    try:
        yield leader.pid
    finally:
        processes.end_group(leader.pid)


def stop(root: Path, group: int, token: str, **changes: str) -> list[int]:
    """Record the group as one that was started with `token`, run `dev down`; what is left of the group."""
    project, state = small.project(root), small.state(root)
    state.record_services({"one": Mark(group, "12345")}, token)
    file = state.folder / "services.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "supervisor": [group, "1"], **changes}))
    Native(project, state).down()
    assert not file.exists()
    return members(group)


def test_a_group_of_ours_is_ended_though_its_leader_is_gone(tmp_path: Path) -> None:
    with orphans("ours") as group:
        assert members(group)
        assert stop(tmp_path, group, "ours") == []


def test_a_later_group_of_the_same_number_is_left_alone(tmp_path: Path) -> None:
    with orphans("another") as group:
        assert stop(tmp_path, group, "ours") == members(group) != []


def test_nothing_recorded_before_the_machine_s_last_start_counts(tmp_path: Path) -> None:
    with orphans("ours") as group:
        assert stop(tmp_path, group, "ours", boot="an earlier one") == members(group) != []


def test_this_start_of_the_machine_has_a_name() -> None:
    assert processes.boot() == processes.boot() != ""
