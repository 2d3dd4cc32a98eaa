"""What `gen migrations check` finds in histories, and that its way out is one."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compiler.cli import check_migrations
from genmigrate.codes import RunError
from genmigrate.history import read
from genmigrate.snapshot import place
from genmigrate.take import save
from tests.compiler.project import ROOT, edit, gen
from tests.revisions.project import INI, SERVICE, VERSIONS, by_alembic, project, revise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path / "project")


def check(folder: Path, code: int = 2) -> list[str]:
    """Return the lines that `gen migrations check --service api --format concise` says."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        assert check_migrations(folder, ["api"], "concise") == code, said.getvalue()
    return said.getvalue().splitlines()


def found(folder: Path) -> list[dict[str, Any]]:
    """Return the mistakes that `gen migrations check --service api --format json` prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        check_migrations(folder, ["api"], "json")
    return json.loads(said.getvalue())


def test_reference_platform_is_clean() -> None:
    files = len(list(ROOT.glob("python_apps/*/migrations/versions/*.py")))
    said = gen(ROOT, "migrations", "check").stderr
    assert said == f"3 services: {files} revisions, 0 mistakes\n"
    assert gen(ROOT, "migrations", "check", "--service", "auth-api").stderr.startswith(
        "1 service: 7 revisions"
    )


def test_no_revision_is_fine(folder: Path) -> None:
    assert check(folder, code=0) == ["1 service: 0 revisions, 0 mistakes"]
    (folder / VERSIONS).rmdir()  # git keeps no empty folder
    assert check(folder, code=0) == ["1 service: 0 revisions, 0 mistakes"]
    assert by_alembic(folder) == []


def test_a_merge_that_exists_is_no_mistake(folder: Path) -> None:
    revise(folder, "a1")
    revise(folder, "b1", "a1")
    revise(folder, "b2", "a1")
    revise(folder, "c1", "b1", "b2")
    assert check(folder, code=0) == ["1 service: 4 revisions, 0 mistakes"]
    assert by_alembic(folder) == ["c1"]


def _fork(folder: Path) -> tuple[str, str]:
    revise(folder, "a1", slug="create", day=1)
    later = revise(folder, "b1", "a1", slug="add_phone", day=3)
    earlier = revise(folder, "b2", "a1", slug="add_avatar", day=2)
    revise(folder, "c2", "b2", slug="index_avatar", day=4)
    return later, earlier


def test_two_revisions_with_one_parent(folder: Path) -> None:
    later, _ = _fork(folder)
    assert sorted(by_alembic(folder)) == ["b1", "c2"]
    line, summary = check(folder)
    assert line == (
        f'{later}:7:17: error[several-heads] found b1_add_phone.py following "a1", as b2_add_avatar.py does, '
        "and nothing merges them: 2 heads"
    )
    assert summary == "1 service: 4 revisions, 1 mistake"


def _way_out(folder: Path) -> str:
    (one,) = found(folder)
    return one["help"]


def test_the_merge_that_it_names_mends_it(folder: Path) -> None:
    _fork(folder)
    command = re.fullmatch(r"merge them: (cd .+? && .+?); or, .*", _way_out(folder))
    assert command
    assert command[1] == "cd services/api && uv run alembic merge -m 'merge heads' c2 b1"
    words = command[1].replace("uv run alembic", f"{shlex.quote(sys.executable)} -m alembic")
    done = subprocess.run(words, shell=True, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert check(folder, code=0) == ["1 service: 5 revisions, 0 mistakes"]


def test_the_new_parent_that_it_names_mends_it(folder: Path) -> None:
    later, _ = _fork(folder)
    advice = re.search(r'no database has (\S+) yet, write (down_revision = "c2") in it$', _way_out(folder))
    assert advice
    assert advice[1] == later.rpartition("/")[2]
    edit(folder / later, "down_revision = 'a1'", advice[2])
    check(folder, code=0)
    assert by_alembic(folder) == ["b1"]


def test_three_heads_follow_each_other_as_told(folder: Path) -> None:
    revise(folder, "a1", day=1)
    for number in (2, 3, 4):
        revise(folder, f"b{number}", "a1", day=number)
    mistakes = found(folder)
    assert len(mistakes) == 2
    for one in mistakes:
        assert "merge heads' b2 b3 b4" in one["help"]
        new = re.search(r"no database has (\S+) yet, write (.+) in it", one["help"])
        edit(folder / VERSIONS / new[1], "down_revision = 'a1'", new[2])
    check(folder, code=0)
    assert by_alembic(folder) == ["b4"]


def test_two_beginnings(folder: Path) -> None:
    revise(folder, "a1", day=1)
    revise(folder, "z1", slug="other", day=2)
    line, _ = check(folder)
    assert "found z1_other.py without a parent, as a1_change.py is, and nothing merges them: 2 heads" in line


def test_of_a_branch_with_two_beginnings_only_a_merge_is_the_way_out(folder: Path) -> None:
    revise(folder, "a1", day=1)
    revise(folder, "b1", "a1", day=2)
    revise(folder, "x1", "a1", day=3)
    revise(folder, "x2", "a1", day=4)
    revise(folder, "y1", "x1", "x2", day=5)
    assert _way_out(folder).endswith("alembic merge -m 'merge heads' b1 y1")


def test_a_configuration_of_another_name_is_named_in_the_command(folder: Path) -> None:
    (folder / SERVICE / "alembic.ini").rename(folder / SERVICE / "other.ini")
    edit(folder / "environments/platform.yaml", "API_DATABASE_URL}", "API_DATABASE_URL, config: other.ini}")
    edit(
        folder / "environments/platform.yaml",
        "dev: [python, -m, api]",
        "dev: [python]\n    run: [poetry, run]",
    )
    _fork(folder)
    assert _way_out(folder).startswith("merge them: cd services/api && alembic -c other.ini merge -m")


def test_one_id_in_two_files(folder: Path) -> None:
    revise(folder, "a1")
    revise(folder, "b1", "a1", slug="add_avatar")
    revise(folder, "b1", "a1", slug="add_phone")
    with pytest.raises(UserWarning, match="more than once"):
        by_alembic(folder)
    line, _ = check(folder)
    assert 'found the id "b1" in b1_add_phone.py, which b1_add_avatar.py has' in line


def test_one_file_under_two_names(folder: Path) -> None:
    file = folder / revise(folder, "a1")
    (folder / VERSIONS / "a1_renamed.py").write_bytes(file.read_bytes())
    assert _way_out(folder) == "remove one of the two files, a1_change.py or a1_renamed.py: they are equal"


@pytest.mark.parametrize(
    ("written", "way_out"),
    [
        ("27e5cb410df8_seed_roles", 'write "27e5cb410df8": that is the name of its file'),
        ("27e5cb410df8_seed_roles.py", 'write "27e5cb410df8": that is the name of its file'),
        ("seed_roles", 'write "27e5cb410df8", the revision of 27e5cb410df8_seed_roles.py'),
        ("27e5cb", 'write "27e5cb410df8", the revision of 27e5cb410df8_seed_roles.py'),
        ("27e5cb410fd8", 'write "27e5cb410df8", the revision of 27e5cb410df8_seed_roles.py'),
        ("ffffffffffff", "correct down_revision, or bring the missing file back"),
        ("", "correct down_revision, or bring the missing file back"),
    ],
)
def test_a_parent_that_no_file_has(written: str, way_out: str, folder: Path) -> None:
    revise(folder, "27e5cb410df8", slug="seed_roles")
    revise(folder, "0123456789ab", written)
    with pytest.raises((KeyError, UserWarning)):
        by_alembic(folder)
    line, summary = check(folder)
    assert f'follows revision "{written}", which no file has' in line
    assert ":4:17: " in line
    assert summary.endswith("1 mistake")
    assert [one["help"] for one in found(folder)] == [way_out]


def test_what_a_revision_depends_on(folder: Path) -> None:
    revise(folder, "a1", more="branch_labels = ('base',)\n")
    revise(folder, "b1", "a1", more="depends_on = 'base'\n")
    check(folder, code=0)
    revise(folder, "b1", "a1", more="depends_on = ['bose']\n")
    line, _ = check(folder)
    assert ":5:15: error[unknown-revision] b1_change.py depends on" in line


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("revision = uuid4().hex\ndown_revision = None\n", "computed-revision", ":1:12"),
        ("revision = 'a' + 'b'\ndown_revision = None\n", "computed-revision", ":1:12"),
        ("revision = f'{1}'\ndown_revision = None\n", "computed-revision", ":1:12"),
        ("revision = 17\ndown_revision = None\n", "computed-revision", ":1:12"),
        ("revision = None\ndown_revision = None\n", "computed-revision", ":1:12"),
        ("revision = ('a', 'b')\ndown_revision = None\n", "computed-revision", ":1:12"),
        ("revision: str = ID\ndown_revision = None\n", "computed-revision", ":1:17"),
        ("x = 'ä'; revision = ID\ndown_revision = None\n", "computed-revision", ":1:21"),
        ("revision = 'b1'\ndown_revision = ('a1', A)\n", "computed-revision", ":2:17"),
        ("revision = 'b1'\ndown_revision = None\nbranch_labels = L\n", "computed-revision", ":3:17"),
        ("revision, down_revision = ids()\n", "computed-revision", ":1:27"),
        ("down_revision = None\n", "incomplete-revision", ""),
        ("revision = 'b1'\n", "incomplete-revision", ""),
        ("from helpers import revision, down_revision\n", "incomplete-revision", ""),
        ("revision = 'b-1'\ndown_revision = None\n", "invalid-revision", ":1:12"),
        ("revision = ''\ndown_revision = None\n", "invalid-revision", ":1:12"),
        (f"revision = '{'b' * 33}'\ndown_revision = None\n", "revision-too-long", ":1:12"),
        ("revision = 'b1\n", "unreadable-revision", ":1:12"),
        ("revision = 'b1'\n<<<<<<< HEAD\n", "unreadable-revision", ":2:1"),
        ("\0", "unreadable-revision", ""),
        ("(" * 500, "unreadable-revision", None),
        ("-" * 100_000 + "1", "unreadable-revision", ""),
        ("# coding: nonsense\n", "unreadable-revision", ""),
    ],
)
def test_a_file_on_its_own(text: str, code: str, place: str | None, folder: Path) -> None:
    (folder / VERSIONS / "b1_change.py").write_text(text, encoding="utf-8")
    lines = check(folder)[:-1]
    assert {line.partition("error[")[2].partition("]")[0] for line in lines} == {code}
    if place is not None:
        assert lines[0].startswith(f"{VERSIONS}/b1_change.py{place}: ")
    assert len(lines) == len(set(lines))


def test_all_spellings_of_plain_text(folder: Path) -> None:
    revise(folder, "a1")
    texts = {
        "b1": 'revision: str = "b" "1"\ndown_revision: str | None = """a1"""\n',
        "c1": "revision, down_revision = 'c1', ['b1']\n",
        "d1": "revision = down_revision = None\nrevision = 'd1'\ndown_revision = {'c1'}\n",
        "e1": "# coding: latin-1\nx = 'é'; revision = 'e1'\ndown_revision = r'd1'\n",
        "f1": "\ufeffrevision = 'f1'\r\ndown_revision = (\r\n    'e1',\r\n)\r\nx = '\\d'\r\n",
    }
    for name, text in texts.items():
        data = text.encode("latin-1" if name == "e1" else "utf-8")
        (folder / VERSIONS / f"{name}.py").write_bytes(data)
    assert check(folder, code=0) == ["1 service: 6 revisions, 0 mistakes"]


def test_circles(folder: Path) -> None:
    revise(folder, "a1", "c1")
    revise(folder, "b1", "a1")
    revise(folder, "c1", "b1")
    revise(folder, "d1", "d1")
    lines = [line for line in check(folder) if "revision-cycle" in line]
    assert [re.search(r"found .*", line)[0] for line in lines] == [
        "found revisions that follow each other in a circle: a1_change.py, c1_change.py and b1_change.py",
        "found d1_change.py following itself",
    ]


def test_all_at_once_and_none_twice(folder: Path) -> None:
    revise(folder, "a1", day=1)
    revise(folder, "b1", "a1", day=2)
    revise(folder, "b1", "a1", slug="twin", day=3)
    revise(folder, "c1", "a1", day=4)
    revise(folder, "d1", "nothing", day=5)
    (folder / "services/worker/alembic.ini").write_text("[alembic]\n", encoding="utf-8")
    done = gen(folder, "--format", "concise", "migrations", "check", code=2)
    codes = re.findall(r"error\[([a-z-]+)\]", done.stderr)
    assert sorted(codes) == [
        "broken-alembic-config",
        "duplicate-revision",
        "several-heads",
        "unknown-revision",
    ]
    assert done.stderr.endswith("2 services: 5 revisions, 4 mistakes\n")


def test_a_file_that_cannot_be_read_may_be_the_merge(folder: Path) -> None:
    _fork(folder)
    merge = folder / revise(folder, "d1", "b1", "c2")
    revise(folder, "e1", "d1")
    merge.write_text(merge.read_text(encoding="utf-8") + "<<<<<<<\n", encoding="utf-8")
    assert len(check(folder)) == 2


def test_nothing_of_the_project_is_run(folder: Path) -> None:
    path = folder / revise(folder, "a1")
    trap = "import os\nos.mkdir('trap')\nraise SystemExit(9)\n"
    path.write_text(trap + path.read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("sitecustomize.py", "alembic.py", "services/__init__.py", "services/api/__init__.py"):
        (folder / name).write_text(trap, encoding="utf-8")
    check(folder, code=0)
    assert not list(folder.rglob("trap"))


def test_what_lies_about_in_the_folder(folder: Path) -> None:
    revise(folder, "a1")
    for name in ("__init__.py", ".#b.py", "README", "a.pyc", "b.py.orig"):
        (folder / VERSIONS / name).write_text("nonsense (", encoding="utf-8")
    (folder / VERSIONS / "__pycache__").mkdir()
    (folder / VERSIONS / "__pycache__/x.py").write_text("nonsense (", encoding="utf-8")
    assert check(folder, code=0) == ["1 service: 1 revision, 0 mistakes"]


def test_a_name_that_a_log_would_obey(folder: Path) -> None:
    revise(folder, "a1", slug="x\n::error file=y::z")
    done = gen(folder, "--format", "github", "migrations", "check", "--service", "api", code=2)
    assert [line.partition(",")[0] for line in done.stdout.splitlines()] == [
        f"::error file={VERSIONS}/a1_x\ufffd%3A%3Aerror file=y%3A%3Az.py"
    ]


@pytest.mark.parametrize("form", ["full", "concise", "json", "github"])
def test_formats_before_and_behind_the_command(form: str, folder: Path) -> None:
    later, _ = _fork(folder)
    before = gen(folder, "--format", form, "migrations", "check", "--service", "api", code=2)
    behind = gen(folder, "migrations", "check", "--format", form, "--service", "api", code=2)
    assert (before.stdout, before.stderr) == (behind.stdout, behind.stderr)
    said = behind.stdout if form in ("json", "github") else behind.stderr
    if form == "json":
        (found,) = json.loads(said)
        assert (found["file"], found["line"], found["column"], found["length"]) == (later, 7, 17, 4)
    elif form == "github":
        assert said.startswith(f"::error file={later},line=7,col=17,endColumn=21,title=several-heads::")
    else:
        assert f"{later}:7:17: error[several-heads]" in said
    assert ("7 | down_revision = 'a1'" in said) == (form == "full")
    assert gen(ROOT, "migrations", "check", "--format", "json").stdout == "[]\n"


def test_usage_and_a_spec_with_mistakes(folder: Path, tmp_path: Path) -> None:
    assert "error[unknown-service]" in gen(folder, "migrations", "check", "--service", "apu", code=2).stderr
    gen(folder, "migrations", "check", "--format", "xml", code=2)
    gen(folder, "migrations", "nonsense", code=2)
    assert "usage" in gen(folder, "migrations", "check", "--help").stdout.lower()
    edit(folder / "environments/platform.yaml", "platform: shop", "platfrom: shop")
    assert "error[unknown-key]" in gen(folder, "migrations", "check", code=2).stderr
    (tmp_path / "empty").mkdir()
    assert "error[no-environments]" in gen(tmp_path / "empty", "migrations", "check", code=2).stderr


@pytest.mark.parametrize(
    ("ini", "code", "place"),
    [
        (None, "no-alembic-config", "environments/platform.yaml:14:17"),
        ("[alembic]\n", "broken-alembic-config", f"{SERVICE}/alembic.ini: "),
        ("script_location = x\n", "broken-alembic-config", f"{SERVICE}/alembic.ini:1:1"),
        ("[alembic]\nscript_location\n", "broken-alembic-config", f"{SERVICE}/alembic.ini:2:1"),
        ("[alembic]\nscript_location = %(no)s/x\n", "broken-alembic-config", f"{SERVICE}/alembic.ini:2:19"),
        ("[alembic]\nscript_location = nowhere\n", "no-revision-folder", f"{SERVICE}/alembic.ini:2:19"),
        ("[alembic]\nscript_location = a.b:c\n", "no-revision-folder", f"{SERVICE}/alembic.ini:2:19"),
        ("[alembic]\nscript_location = /\n", "outside-repository", f"{SERVICE}/alembic.ini:2:19"),
        (f"{INI}version_locations = x\n", "no-revision-folder", f"{SERVICE}/alembic.ini:4:21"),
        (f"{INI}recursive_version_locations = yes\n", "broken-alembic-config", f"{SERVICE}/alembic.ini:4:31"),
        (
            "[alembic]\nscript_location: migrations\nversion_locations=x\nPath_Separator = comma\n",
            "broken-alembic-config",
            f"{SERVICE}/alembic.ini:4:18",
        ),
    ],
)
def test_configurations_that_are_refused(ini: str | None, code: str, place: str, folder: Path) -> None:
    file = folder / SERVICE / "alembic.ini"
    file.unlink()
    if ini is not None:
        file.write_text(ini, encoding="utf-8")
    line, _ = check(folder)
    assert f"error[{code}]" in line
    assert line.startswith(place)


def test_what_is_clean_is_what_the_runner_reads(folder: Path) -> None:
    _fork(folder)
    with pytest.raises(RunError, match="2 heads"):
        read(folder / SERVICE, "alembic.ini")
    revise(folder, "d1", "b1", "c2")
    check(folder, code=0)
    assert read(folder / SERVICE, "alembic.ini").head == "d1"


@pytest.mark.parametrize(
    ("more", "versions", "kept"),
    [
        ("", "migrations/versions", "migrations/schema.json"),
        ("version_locations = db/one db/two\npath_separator = space\n", "db/one", "db/schema.json"),
        ("version_locations = revisions\npath_separator = os\n", "revisions", "schema.json"),
    ],
)
def test_the_snapshot_is_looked_for_where_the_runner_keeps_it(
    more: str, versions: str, kept: str, folder: Path
) -> None:
    service = folder / SERVICE
    ini = "[alembic]\nscript_location = %(here)s/migrations\n" + more
    (service / "alembic.ini").write_text(ini, encoding="utf-8")
    for name in (versions, "db/two"):
        (service / name).mkdir(parents=True, exist_ok=True)
    (service / versions / "a1_create.py").write_text(
        "revision = 'a1'\ndown_revision = None\n", encoding="utf-8"
    )
    assert check(folder, code=0) == ["1 service: 1 revision, 0 mistakes"], "nobody compares"
    with (folder / "environments/local.yaml").open("a", encoding="utf-8") as local:
        local.write("migrations: {verify: drift}\n")
    assert f"found drift, and no {SERVICE}/{kept}, which" in check(folder)[0]
    file = place(service, "alembic.ini")
    assert file.resolve() == (service / kept).resolve()
    save(file, "a1", 16, {})
    assert check(folder, code=0) == ["1 service: 1 revision, 0 mistakes"]
    save(file, None, 16, {})
    assert (
        f"{SERVICE}/{kept}:3:10: error[outdated-snapshot] found the snapshot of nothing, " in check(folder)[0]
    )
    (service / versions / "b1_other.py").write_text(
        "revision = 'b1'\ndown_revision = None\n", encoding="utf-8"
    )
    assert [line.split("[")[1].split("]")[0] for line in check(folder)[:-1]] == ["several-heads"], (
        "one mistake, not two"
    )


def test_a_service_that_is_compared_nowhere_needs_no_snapshot(folder: Path) -> None:
    revise(folder, "a1")
    local = folder / "environments/local.yaml"
    text = local.read_text(encoding="utf-8") + "migrations: {verify: drift}\n"
    local.write_text(text + "services: {api: {enabled: false}, worker: {enabled: false}}\n", encoding="utf-8")
    check(folder, code=0)
    staging = folder / "environments/staging.yaml"
    staging.write_text(text.replace("environment: local", "environment: staging"), encoding="utf-8")
    (one,) = found(folder)
    assert (one["code"], one["help"]) == (
        "missing-snapshot",
        "let an environment of tier local have the service: it makes the snapshot",
    )
