"""Same input, same bytes: whatever the machine, its language, its clock and its folder are like."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.compiler.project import ROOT, copy_project, gen, snapshot

WORLDS = {
    "another hash seed": {"PYTHONHASHSEED": "1"},
    "a random hash seed": {"PYTHONHASHSEED": "random"},
    "no locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "Turkish, half an hour off": {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kolkata"},
    "no home": {"HOME": "/nonexistent"},
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, int]]:
    folder = copy_project(tmp_path_factory.mktemp("expected"))
    gen(folder, PYTHONHASHSEED="0")
    return snapshot(folder)


@pytest.mark.parametrize("world", sorted(WORLDS))
def test_world_does_not_matter(world: str, tmp_path: Path, expected: dict[str, tuple[bytes, int]]) -> None:
    folder = copy_project(tmp_path)
    gen(folder, **WORLDS[world])
    assert snapshot(folder) == expected


def test_umask_and_folder_do_not_matter(tmp_path: Path, expected: dict[str, tuple[bytes, int]]) -> None:
    folder = copy_project(tmp_path / "a folder with spaces")
    below = folder / "python_apps/auth_api"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = f'umask 077 && cd "{below}" && exec "{sys.executable}" -m compiler'
    subprocess.run(["sh", "-c", command], env=environment, check=True, capture_output=True)
    made = snapshot(folder)
    outputs = [path for path in expected if not path.startswith("environments/")]
    assert {path: made[path] for path in outputs} == {path: expected[path] for path in outputs}


def test_order_of_keys_does_not_matter(tmp_path: Path, expected: dict[str, tuple[bytes, int]]) -> None:
    folder = copy_project(tmp_path)
    for path in (folder / "environments").glob("*.yaml"):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(yaml.safe_dump(_reversed(document), sort_keys=False), encoding="utf-8")
    gen(folder)
    made = snapshot(folder)
    assert {path: made[path] for path in made if path.startswith(("out/", ".env", "package"))} == {
        path: expected[path] for path in expected if path.startswith(("out/", ".env", "package"))
    }


def test_second_run_touches_nothing(tmp_path: Path) -> None:
    folder = copy_project(tmp_path)
    gen(folder)

    def states() -> dict[Path, tuple[int, int]]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}

    before = states()
    done = gen(folder)
    assert ": 0 created, 0 changed, 0 removed, " in done.stderr
    assert states() == before


def test_outputs_name_no_machine_and_no_clock(expected: dict[str, tuple[bytes, int]]) -> None:
    for path, (content, _) in expected.items():
        assert str(ROOT).encode() not in content, path
        assert b"/tmp/pytest" not in content, path


def test_committed_outputs_are_fresh() -> None:
    gen(ROOT, "--check")


def _reversed(value: object) -> object:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return value
