"""Ownership records are checked in, so anybody may have written them: none makes `gen` lose a file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from compiler.output.record import Record, parse, render
from tests.output.project import EMITTERS, codes, drift, gen, look, outputs, snapshot

if TYPE_CHECKING:
    from pathlib import Path

RECORD = "out/local/.gen.json"
PRECIOUS = b"precious\n"
HASH = hashlib.sha256(PRECIOUS).hexdigest()


def record_text(*paths: str, version: int = 1, digest: str = HASH) -> str:
    lines = ",\n".join(f'    "{path}": "{digest}"' for path in paths)
    return f'{{\n  "version": {version},\n  "files": {{\n{lines}\n  }}\n}}\n'


BROKEN = {
    "empty": "",
    "not JSON": "hello\n",
    "another shape": '{"version": 1, "files": {}}\n',
    "a newer version": record_text("out/local/plan.json", version=2),
    "parent": record_text("out/local/../../precious"),
    "absolute": record_text("/etc/passwd"),
    "another folder": record_text("src/precious"),
    "another environment": record_text("out/staging/plan.json"),
    "prefix of the folder": record_text("out/local-2/plan.json"),
    "backslash": record_text("out/local/..\\\\..\\\\precious"),
    "git": record_text("out/local/.git/config"),
    "empty part": record_text("out/local//plan.json"),
    "control": record_text("out/local/a\x00b"),
    "no hash": record_text("out/local/plan.json", digest="abc"),
    "unsorted": record_text("out/local/b", "out/local/a"),
    "twice": record_text("out/local/a", "out/local/a"),
    "a script with a path": record_text("out/local/a").replace("files", "scripts"),
    "cut off": record_text("out/local/plan.json")[:-6],
    "huge": record_text("out/local/" + "a" * 5000),
    "binary": "\udcff\udcfe\n",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_record_stops_everything(tmp_path: Path, case: str) -> None:
    gen(outputs("1"), tmp_path)
    (tmp_path / "precious").write_bytes(PRECIOUS)
    (tmp_path / RECORD).write_bytes(BROKEN[case].encode("utf-8", "surrogateescape"))
    before = snapshot(tmp_path)
    comparison = look(outputs("2"), tmp_path)
    assert ("broken-record", RECORD) in codes(comparison)
    assert comparison.has_errors
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("case", BROKEN)
def test_without_the_broken_record_gen_works(tmp_path: Path, case: str) -> None:
    gen(outputs("1"), tmp_path)
    (tmp_path / RECORD).unlink()
    assert set(drift(outputs("1"), tmp_path)) == {RECORD}
    gen(outputs("1"), tmp_path)
    assert drift(outputs("1"), tmp_path) == {}


HOSTILE = {
    "a path of no emitter": "out/local/precious.txt",
    "a folder deeper": "out/local/plan.json/precious",
    "a name like an environment": "out/local/runner/genmigrate/deep/precious.py",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_only_what_an_emitter_can_produce_is_removed(tmp_path: Path, case: str) -> None:
    path = tmp_path / HOSTILE[case]
    path.parent.mkdir(parents=True)
    path.write_bytes(PRECIOUS)
    (tmp_path / RECORD).write_text(record_text(HOSTILE[case]))
    made = outputs("1", ("staging",))
    assert ("orphan-kept", HOSTILE[case]) in codes(look(made, tmp_path))
    gen(made, tmp_path)
    assert path.read_bytes() == PRECIOUS


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out/Not_An-Environment"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_bytes(PRECIOUS)
    (folder / ".gen.json").write_text(record_text("out/Not_An-Environment/plan.json"))
    gen(outputs(), tmp_path)
    assert (folder / "plan.json").read_bytes() == PRECIOUS
    assert (folder / ".gen.json").exists()


def test_only_what_was_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "out/local").mkdir(parents=True)
    (tmp_path / "out/local/plan.json").write_text("not what the record says\n")
    (tmp_path / RECORD).write_text(record_text("out/local/plan.json"))
    gen(outputs("1", ("staging",)), tmp_path)
    assert (tmp_path / "out/local/plan.json").read_text() == "not what the record says\n"


@pytest.mark.parametrize("link", ["out/local/plan.json", "out/local", "out/local/runner"])
def test_nothing_is_removed_through_a_link(tmp_path: Path, link: str) -> None:
    root, aside = tmp_path / "root", tmp_path / "aside"
    gen(outputs(), root := _made(root))
    path = root / link
    path.rename(aside)
    path.symlink_to(aside)
    before = snapshot(aside) if aside.is_dir() else aside.read_bytes()
    gen(outputs("1", ("staging",)), root)
    assert (snapshot(aside) if aside.is_dir() else aside.read_bytes()) == before
    assert path.is_symlink()


def _made(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_claimed_file_of_the_users_is_saved_before_it_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out/local").mkdir(parents=True)
    (tmp_path / "out/local/plan.json").write_text("mine\n")
    (tmp_path / RECORD).write_text(record_text("out/local/plan.json"))
    ((_, copy),) = gen(outputs(), tmp_path).saved
    assert (tmp_path / copy).read_text() == "mine\n"


def test_a_record_cannot_make_a_script_vanish_without_a_copy(tmp_path: Path) -> None:
    (tmp_path / "out/local").mkdir(parents=True)
    mine = '{"scripts":{"dev":"precious","keep":"precious"}}'
    (tmp_path / "package.json").write_text(mine)
    digest = hashlib.sha256(b"precious").hexdigest()
    names = "".join(
        f'    "package.json#{name}": "{digest}"{end}\n' for name, end in (("dev", ","), ("keep", ""))
    )
    text = f'{{\n  "version": 1,\n  "files": {{}},\n  "scripts": {{\n{names}  }}\n}}\n'
    (tmp_path / RECORD).write_text(text)
    ((path, copy),) = gen(outputs(), tmp_path).saved
    assert path == "package.json"
    assert (tmp_path / copy).read_text() == mine
    assert '"keep":"precious"' in (tmp_path / "package.json").read_text()


def test_gen_resolves_a_merge_conflict(tmp_path: Path) -> None:
    texts = []
    for version in ("1", "2", "3"):
        gen(outputs(version), tmp_path)
        texts.append((tmp_path / RECORD).read_text())
    for theirs in texts[:2]:
        conflict = "".join(
            mine if mine == other else f"<<<<<<< ours\n{mine}||||||| base\n=======\n{other}>>>>>>> theirs\n"
            for mine, other in zip(texts[2].splitlines(True), theirs.splitlines(True), strict=True)
        )
        (tmp_path / RECORD).write_text(conflict)
        assert isinstance(parse(conflict.encode(), RECORD), Record)
        plan = tmp_path / "out/local/plan.json"
        plan.write_text("<<<<<<< ours\n=======\n>>>>>>> theirs\n")
        ((path, _),) = gen(outputs("3"), tmp_path).saved
        assert path == "out/local/plan.json"
        assert drift(outputs("3"), tmp_path) == {}


def test_a_record_reads_back_as_it_was_written() -> None:
    record = Record(
        {"out/a/x": frozenset(["0" * 64]), "out/a/.y": frozenset(["1" * 64, "2" * 64])},
        {"package.json#gen:dev": frozenset(["3" * 64])},
    )
    text = render(record)
    assert parse(text.encode(), "r", "out/a/") == record
    assert parse(text.replace("\n", "\r\n").encode(), "r") == record
    assert parse(render(Record()).encode(), "r") == Record()
    assert len(text.splitlines()) == 10


def test_patterns_are_those_of_the_emitters() -> None:
    from compiler.output.paths import Patterns

    patterns = Patterns(EMITTERS)
    for path in ("out/a/plan.json", "out/a-b/.gen.json", "out/x/runner/genmigrate/a.py", ".env.example"):
        assert patterns.match(path)
    for path in ("out/plan.json", "out/a/b/plan.json", "out/A/plan.json", "out/a/plan.json\n", "xout/a/plan.json",
                 "out/a/runner/genmigrate/b/a.py", "out/a/planxjson", "src/.env.example"):  # fmt: skip
        assert not patterns.match(path)
