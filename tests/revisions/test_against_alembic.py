"""The static reading against Alembic itself, and against the runner's, on histories nobody chose."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.diagnostics.model import Place
from compiler.revisions.judge import judge
from compiler.revisions.model import History, Service
from compiler.revisions.read import read_history
from genmigrate.codes import RunError
from genmigrate.history import read
from tests.revisions.project import SERVICE, VERSIONS, by_alembic, project, revise

API = Service("api", SERVICE, "alembic.ini", Place("environments/platform.yaml", 1, 1))
IDS = [f"r{number}" for number in range(6)]
# A revision follows up to three others, mostly those before it, so that most histories are nearly right.
PARENTS = st.lists(
    st.tuples(st.lists(st.integers(0, 6), max_size=2, unique=True), st.lists(st.integers(0, 6), max_size=1)),
    min_size=1,
    max_size=6,
)


def _history(folder: Path) -> tuple[History, list[str]]:
    history, faults = read_history(folder, API)
    return history, [fault.code for fault in [*faults, *judge(history)]]


def _alembic_is_content(folder: Path) -> bool:
    try:
        return len(by_alembic(folder)) <= 1
    except (CommandError, RevisionError, KeyError, UserWarning):
        return False


def _runner_is_content(folder: Path) -> bool:
    try:
        read(folder / SERVICE, "alembic.ini")
    except RunError:
        return False
    return True


@settings(max_examples=150, deadline=None)
@example(parents=[([2, 4], []), ([], []), ([], []), ([], []), ([0, 1], []), ([0, 3], [])], shift=False)
@given(parents=PARENTS, shift=st.booleans())
def test_verdicts_agree(parents: list[tuple[list[int], list[int]]], shift: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = project(Path(name) / "p")
        graph: dict[str, list[str]] = {}
        for number, (follows, needs) in enumerate(parents):
            chosen = [IDS[one % number if shift and number else one % 6] for one in follows]
            more = "".join(f"depends_on = {IDS[one % 6]!r}\n" for one in needs if not shift)
            revise(folder, IDS[number], *dict.fromkeys(chosen), more=more)
            graph[IDS[number]] = chosen + ([] if shift else [IDS[one % 6] for one in needs])
        _, codes = _history(folder)
        if codes == ["revision-cycle"] and _alembic_is_content(folder):
            # Alembic overlooks a circle that something leads into and out of; it is one all the same.
            with pytest.raises(CycleError):
                TopologicalSorter(graph).prepare()
        else:
            assert (codes == []) == _alembic_is_content(folder), codes
        assert (codes == []) == _runner_is_content(folder), codes


CONFIGURATIONS = {
    "default": "script_location = migrations",
    "here": "script_location = %(here)s/migrations",
    "dots": "script_location = ../api/./migrations/",
    "interpolated": "base = mig\nscript_location = %(base)srations",
    "os": "script_location = migrations\nversion_locations = %(here)s/one:two\npath_separator = os",
    "colon": "script_location = migrations\nversion_locations = one:two\npath_separator = :",
    "semicolon": "script_location = migrations\nversion_locations = one; two\npath_separator = ;",
    "space": "script_location = migrations\nversion_locations = one two\npath_separator = space",
    "newline": "script_location = migrations\nversion_locations =\n  one\n  two\npath_separator = newline",
    "old": "script_location = migrations\nversion_locations = one:two\nversion_path_separator = :",
    "none": "script_location = migrations\nversion_locations = one, two",
    "twice": "script_location = migrations\nversion_locations = one one two\npath_separator = space",
    "recursive": "script_location = migrations\nrecursive_version_locations = true",
    "not recursive": "script_location = migrations\nrecursive_version_locations = false",
    "package": "script_location = pack.age:migrations\nprepend_sys_path = .",
    "section": "script_location = migrations\n\n[other]\nscript_location = elsewhere",
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_same_files_are_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(tmp_path, f"[alembic]\n{CONFIGURATIONS[name]}\n")
    service = folder / SERVICE
    places = {"a": "migrations/versions", "b": "migrations/versions/deep/er", "c": "one", "d": "two"}
    for place in [*places.values(), "pack/age/migrations/versions"]:
        (service / place).mkdir(parents=True, exist_ok=True)
    for package in ("pack", "pack/age"):
        (service / package / "__init__.py").touch()
    for revision, place in places.items():
        (folder / revise(folder, revision)).rename(service / place / f"{revision}_moved.py")
    shutil.copy(folder / VERSIONS / "a_moved.py", service / "pack/age/migrations/versions/a.py")
    history, codes = _history(folder)
    assert set(codes) <= {"several-heads"}
    monkeypatch.chdir(service)
    monkeypatch.syspath_prepend(str(service))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        heads = ScriptDirectory.from_config(Config("alembic.ini")).get_heads()
    assert sorted(one.id for one in history.revisions) == sorted(heads)
