"""What localdev reads of a repository, and what it says when that is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localdev import uv
from localdev.cli import main
from localdev.console import DevError
from localdev.docker import Docker
from localdev.postgres import binaries, home
from localdev.project import load
from localdev.supervisor import check_programs
from tests.native import small


def test_the_local_environment_may_have_another_name(tmp_path: Path) -> None:
    project = small.project(tmp_path, small.service("orders", ["true"]), folder="laptop")
    assert project.environment == "laptop"
    assert project.plan == tmp_path / "out" / "laptop" / "plan.json"
    assert project.is_local


def test_hints_name_the_scripts_of_package_json_whatever_their_prefix(tmp_path: Path) -> None:
    scripts = {"test": "true", "gen:dev:death": "uv run gen dev death", "gen:migrate": "gen migrate upgrade"}
    (tmp_path / "package.json").write_text(json.dumps({"scripts": scripts}), encoding="utf-8")
    project = small.project(tmp_path)
    assert project.script("dev death") == "npm run gen:dev:death"
    assert project.script("migrate upgrade") == "npm run gen:migrate"
    assert project.script("dev up --native") == "gen dev up --native"


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda root: None, "no local environment is compiled"),
        (
            lambda root: [small.project(root, folder=name) for name in ("one",)] and twice(root),
            "more than one",
        ),
        (lambda root: small.project(root) and dev(root, '{"version": 2}'), "has version 2"),
        (lambda root: small.project(root) and dev(root, '{"version": 1}'), "is not what gen writes"),
        (lambda root: small.project(root) and dev(root, "{"), "cannot be read"),
        (lambda root: small.project(root) and dev(root, "[]"), "is not what gen writes"),
    ],
)
def test_a_repository_that_is_not_compiled_is_told_to_run_gen(
    tmp_path: Path, prepare: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(prepare)
    prepare(tmp_path)
    assert main(["migrate", "status"], tmp_path) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert "run `gen`" in errors


def twice(root: Path) -> None:
    (root / "out" / "two").mkdir()
    (root / "out" / "two" / "dev.json").write_text("{}", encoding="utf-8")


def dev(root: Path, text: str) -> None:
    (root / "out" / "laptop" / "dev.json").write_text(text, encoding="utf-8")


def test_death_is_for_development_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = small.project(tmp_path)
    project.plan.write_text('{"create_databases": false, "services": []}', encoding="utf-8")
    assert main(["dev", "death", "--yes"], tmp_path) == 2
    assert "is not an environment of development: nothing is wiped" in capsys.readouterr().err


@pytest.mark.parametrize("remembered", [True, False])
def test_death_wipes_the_native_data_although_nobody_remembers_them(
    tmp_path: Path, remembered: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small.project(tmp_path)
    monkeypatch.setattr("localdev.children.search_path", lambda: "/nowhere")  # no docker
    monkeypatch.setattr(home, "FOR_ROOT", tmp_path)
    found = home.home(tmp_path, "")
    found.make()
    if remembered:
        small.state(tmp_path).choose("native")
    assert main(["dev", "death", "--yes"], tmp_path) == 0
    assert capsys.readouterr().err == f"removed: {found.base} (all local data)\n"
    assert not found.base.exists()


def test_a_linked_folder_of_ours_is_refused_by_every_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone, elsewhere = tmp_path / "clone", tmp_path / "elsewhere"
    (elsewhere / "postgres" / "data").mkdir(parents=True)
    clone.mkdir()
    small.project(clone)
    (clone / ".gen").symlink_to(elsewhere)
    for words in ("dev up --native", "dev infra", "dev down", "dev death --yes", "migrate upgrade"):
        assert main(words.split(), clone) == 1
        assert f"error: {clone / '.gen'} is a symbolic link" in capsys.readouterr().err
    assert [path.name for path in elsewhere.iterdir()] == ["postgres"]
    assert (elsewhere / "postgres" / "data").is_dir()


def test_without_docker_the_native_way_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = {"app:plain": "gen dev up --native"}
    (tmp_path / "package.json").write_text(json.dumps({"scripts": scripts}), encoding="utf-8")
    small.project(tmp_path)
    monkeypatch.setattr("localdev.children.search_path", lambda: "/nowhere")
    assert main(["dev", "up"], tmp_path) == 1
    errors = capsys.readouterr().err
    assert "docker was not found on PATH" in errors
    assert "work without containers: `npm run app:plain`" in errors


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    project = small.project(tmp_path, small.service("orders", ["no-such-program", "serve"]))
    with pytest.raises(DevError, match=r"orders: `no-such-program`, which starts it, was not found on PATH"):
        check_programs(project)
    (tmp_path / "orders").rmdir()
    with pytest.raises(DevError, match="orders: its folder orders does not exist"):
        check_programs(load(tmp_path))


@pytest.mark.parametrize(
    ("run", "sync"),
    [
        ("uv run --frozen --project orders", "uv sync --frozen --project orders"),
        ("uv run --project=orders --no-dev", "uv sync --project=orders --no-dev"),
        ("uv run --with gunicorn", None),
        ("poetry run", None),
        ("", None),
    ],
)
def test_an_environment_is_set_up_when_uv_runs_the_service(
    tmp_path: Path, run: str, sync: str | None
) -> None:
    project = small.project(tmp_path, small.service("orders", ["true"], run=run.split()))
    assert uv.command(project.services[0]) == (sync.split() if sync else None)


def test_the_wanted_major_version_comes_first_and_another_accepted_one_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(*versions: int) -> None:
        made = [binaries.Binaries(version, Path(f"/pg{version}"), None, "test") for version in versions]
        monkeypatch.setattr(binaries, "_from_wheel", lambda: iter(made))
        monkeypatch.setattr(binaries, "_installed", lambda: iter(()))

    found(15, 18, 16)
    assert [binaries.find(wanted, "").version for wanted in (15, 16, 17, 18)] == [15, 16, 16, 18]
    found(15, 18)
    assert binaries.find(16, "make up").version == 18
    found(15)
    with pytest.raises(DevError, match=r"PostgreSQL 16 was not found .*only 15 in /pg15") as caught:
        binaries.find(16, "make up")
    assert "apt-get install postgresql-16" in caught.value.help
    assert "use the way with containers: `make up`" in caught.value.help
    found()
    with pytest.raises(DevError, match=r"PostgreSQL 17 was not found on this machine$"):
        binaries.find(17, "make up")


@pytest.mark.parametrize(
    "words", [[], ["--service", "a"], ["--to", "b"], ["--service", "a", "--service", "b", "--to", "c"]]
)
def test_a_downgrade_says_of_what_and_to_where(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    small.project(tmp_path)
    assert main(["migrate", "downgrade", *words], tmp_path) == 2
    assert "add --service NAME --to REVISION" in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--apply"]])
def test_a_downgrade_reaches_the_runner_as_it_was_asked_for(
    tmp_path: Path, more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small.project(tmp_path)
    asked: list[list[str]] = []
    monkeypatch.setattr(Docker, "migrate", lambda self, words: asked.append(words) or 6)
    words = ["downgrade", "--service", "orders", "--tenant", "default", "--tenant", "toshiba", "--to", "a1b2"]
    assert main(["migrate", *words, *more], tmp_path) == 6
    assert asked == [[*words, *more]]


def test_a_container_may_check_a_snapshot_and_writes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small.project(tmp_path)
    asked: list[list[str]] = []
    monkeypatch.setattr(Docker, "migrate", lambda self, words: asked.append(words) or 1)
    assert main(["migrate", "snapshot", "--check", "--service", "orders"], tmp_path) == 1
    assert main(["migrate", "snapshot"], tmp_path) == 1
    assert asked == [["snapshot", "--service", "orders", "--check"]]
    assert "a container cannot write a snapshot" in capsys.readouterr().err


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for words in (
        "dev",
        "dev up",
        "dev logs",
        "dev death",
        "migrate",
        "migrate upgrade",
        "migrate downgrade",
    ):
        assert main([*words.split(), "--help"], tmp_path) == 0
        assert f"usage: gen {words}" in capsys.readouterr().out
    assert main(["dev", "fly"], tmp_path) == 2
    assert "invalid choice: 'fly'" in capsys.readouterr().err
