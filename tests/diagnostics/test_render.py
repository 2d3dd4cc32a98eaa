"""The four formats, and what a line of the user's cannot do to a terminal."""

from __future__ import annotations

import json

import pytest

from compiler.diagnostics.model import Diagnostic, Note, Place, Severity
from compiler.diagnostics.render import render

FILE = "environments/local.yaml"
SOURCES = {FILE: "a: 1\nbcd: efg\n"}
FAULT = Diagnostic(
    "some-code", 'found "efg"', Place(FILE, 2, 6, 3), (Note("also here", Place(FILE, 1, 1)),), "do that"
)


def test_full() -> None:
    assert render([FAULT, FAULT], SOURCES) == (
        'environments/local.yaml:2:6: error[some-code] found "efg"\n'
        "  |\n"
        "2 | bcd: efg\n"
        "  |      ^~~\n"
        "note: environments/local.yaml:1:1: also here\n"
        "  |\n"
        "1 | a: 1\n"
        "  | ^\n"
        "help: do that\n"
        "\n"
        'environments/local.yaml:2:6: error[some-code] found "efg"\n'
        "  |\n"
        "2 | bcd: efg\n"
        "  |      ^~~\n"
        "note: environments/local.yaml:1:1: also here\n"
        "  |\n"
        "1 | a: 1\n"
        "  | ^\n"
        "help: do that\n"
    )


def test_concise() -> None:
    assert (
        render([FAULT], SOURCES, "concise") == 'environments/local.yaml:2:6: error[some-code] found "efg"\n'
    )


def test_json() -> None:
    assert json.loads(render([FAULT], SOURCES, "json")) == [
        {
            "code": "some-code",
            "severity": "error",
            "message": 'found "efg"',
            "file": FILE,
            "line": 2,
            "column": 6,
            "length": 3,
            "notes": [{"message": "also here", "file": FILE, "line": 1, "column": 1, "length": 1}],
            "help": "do that",
        }
    ]
    assert render([], {}, "json") == "[]\n"


def test_github() -> None:
    assert render([FAULT], SOURCES, "github") == (
        "::error file=environments/local.yaml,line=2,col=6,endColumn=9,title=some-code::"
        'found "efg"%0Aenvironments/local.yaml:1:1: also here%0Ahelp: do that\n'
    )


def test_no_text_of_the_users_starts_a_command_of_github() -> None:
    nasty = Diagnostic(
        "c", "a\n::set-env name=x::y % z", Place("a,b:c%.yaml", 0, 0), severity=Severity.WARNING
    )
    assert render([nasty], {}, "github") == (
        "::warning file=a%2Cb%3Ac%25.yaml,title=c::a%0A::set-env name=x::y %25 z\n"
    )


def test_a_warning_and_a_whole_file() -> None:
    fault = Diagnostic("c", "m", Place("f", 0, 0), severity=Severity.WARNING)
    assert render([fault], {"f": "x\n"}) == "f: warning[c] m\n"


def test_nothing_moves_the_cursor() -> None:
    fault = Diagnostic("c", "m\x1b[2J", Place("f", 1, 4), help="h\r")
    assert (
        render([fault], {"f": "\t\x1b[2Jx\u202e\n"})
        == "f:1:4: error[c] m\ufffd[2J\n  |\n1 |  \ufffd[2Jx\ufffd\n  |    ^\nhelp: h\ufffd\n"
    )


def test_wide_and_combining_letters_keep_the_mark_in_its_place() -> None:
    fault = Diagnostic("c", "m", Place("f", 1, 5, 2))
    assert (
        render([fault], {"f": "日e\u0301 日本 x\n"})
        == "f:1:5: error[c] m\n  |\n1 | 日e\u0301 日本 x\n  |     ^~~~\n"
    )


@pytest.mark.parametrize("column", [1, 60, 500, 99_990])
def test_of_a_long_line_the_part_around_the_place_is_shown(column: int) -> None:
    line = "".join(chr(97 + number % 26) for number in range(100_000))
    text = render([Diagnostic("c", "m", Place("f", 1, column, 3))], {"f": line})
    _, _, shown, mark = text.splitlines()
    assert len(shown) <= 104
    start = mark.index("^")
    assert shown[start : start + 3] == line[column - 1 : column + 2]
    assert mark.endswith("^~~")


@pytest.mark.parametrize(
    "place", [Place("f", 99, 1), Place("f", 1, 99, 7), Place("f", 2, 1, 5), Place("g", 1, 1)]
)
def test_a_place_beyond_the_text_is_no_failure(place: Place) -> None:
    assert render([Diagnostic("c", "m", place)], {"f": "abc\n"}).startswith(f"{place}: error[c] m\n")


def test_color_only_paints() -> None:
    import re

    painted = render([FAULT], SOURCES, color=True)
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == render([FAULT], SOURCES)
