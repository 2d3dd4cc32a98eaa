"""A value of `.env` is changed, every other byte stays."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from localdev import dotenv
from localdev.dotenv import EnvText

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("A = 1 ", "1"),
        ("  export A=1", "1"),
        ("\texport\tA\t=\t1", "1"),
        ("A='a b' # why", "a b"),
        ('A="a#b"', "a#b"),
        ("A=a#b", "a#b"),
        ("A=a b # why", "a b"),
        ("A=# only a comment", ""),
        ("A=", ""),
        ("A=''", ""),
        ("A=x=y", "x=y"),
        ("A=1\r", "1"),
        ("#A=1", None),
        ("A", None),
        ("1A=1", None),
    ],
)
def test_a_line_s_value(line: str, value: str | None) -> None:
    assert EnvText(f"# first\n{line}\nB=2\n").values() == ({"A": value} if value is not None else {}) | {
        "B": "2"
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A=\nB=2\n", "A=new\nB=2\n"),
        ("A=old # why\n", "A=new # why\n"),
        ("A='old'   # why\n", "A='new'   # why\n"),
        ('  export A = "old"\n', '  export A = "new"\n'),
        ("A=old\r\nB=2\r\n", "A=new\r\nB=2\r\n"),
        ("A=1\nA=2\n", "A=1\nA=new\n"),  # the last one counts
        ("A=# why\n", "A=new # why\n"),
        ("A=   # why\n", "A=new   # why\n"),
        ("A = old  # why\n", "A = new  # why\n"),
        ("B=2", "B=2\nA='new'\n"),
        ("B=2\r\n", "B=2\r\nA='new'\r\n"),
        ("", "A='new'\n"),
        ("export\tA=old\n", "export\tA=new\n"),
        ("\ufeffA=old\nB=2\n", "\ufeffA=new\nB=2\n"),
        ("# A=1\nÄÖ\x0b\u2028=\udcff\n", "# A=1\nÄÖ\x0b\u2028=\udcff\nA='new'\n"),
    ],
)
def test_only_the_value_changes(before: str, after: str) -> None:
    changed = EnvText(before).with_value("A", "new", quote="'")
    assert changed.text == after


def test_a_value_that_needs_escapes_is_refused() -> None:
    for value in ("a b", "a'b", 'a"b', "a#b", "a\nb"):
        with pytest.raises(ValueError, match="escapes"):
            EnvText("").with_value("A", value)


def test_the_file_is_replaced_whole_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    target, link = tmp_path / "kept" / ".env", tmp_path / ".env"
    target.parent.mkdir()
    target.write_bytes(b"A=\xff\r\n")
    target.chmod(0o644)
    link.symlink_to(target)
    dotenv.write(link, dotenv.read(link).with_value("B", "2").text)
    assert target.read_bytes() == b"A=\xff\r\nB=2\r\n"
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == [".env"]


def test_the_mark_of_the_byte_order_belongs_to_no_name() -> None:
    assert EnvText("\ufeffA=1\nB=2\n").values() == {"A": "1", "B": "2"}
    assert EnvText("\ufeffexport A=1\n").values() == {"A": "1"}


def test_an_absent_file_is_empty(tmp_path: Path) -> None:
    assert dotenv.read(tmp_path / ".env").values() == {}
