"""What strict YAML reads, and what it refuses: types, places, hostile input."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diagnostics.model import Place
from compiler.spec import source
from compiler.spec.source import Node, parse

QUICK = settings(max_examples=300, deadline=None, derandomize=True, database=None)

# As the module's docstring has it: true and false, decimal integers, nothing; all else is text.
SCALARS = [
    ("true", True),
    ("false", False),
    ("True", "True"),
    ("TRUE", "TRUE"),
    ("yes", "yes"),
    ("no", "no"),
    ("NO", "NO"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("n", "n"),
    ("", None),
    ("~", None),
    ("null", None),
    ("Null", "Null"),
    ("NULL", "NULL"),
    ("0", 0),
    ("-0", "-0"),
    ("7", 7),
    ("-7", -7),
    ("+7", "+7"),
    ("0777", "0777"),
    ("0o17", "0o17"),
    ("0x1F", "0x1F"),
    ("0b11", "0b11"),
    ("08", "08"),
    ("1_000", "1_000"),
    ("1,000", "1,000"),
    ("1.10", "1.10"),
    ("1.0", "1.0"),
    (".5", ".5"),
    ("1e3", "1e3"),
    (".inf", ".inf"),
    (".nan", ".nan"),
    ("12:30", "12:30"),
    ("22:22:22", "22:22:22"),
    ("2026-11-22", "2026-11-22"),
    ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
    ("=", "="),
    ("999999999999999999", 999999999999999999),
    ("9999999999999999999", "9999999999999999999"),
    ("٣", "٣"),
    ('"true"', "true"),
    ("'7'", "7"),
    ('""', ""),
    ('"null"', "null"),
]


@pytest.mark.parametrize("loader", [source._LOADER, yaml.SafeLoader], ids=["libyaml", "pure"])
@pytest.mark.parametrize(("written", "value"), SCALARS, ids=[written for written, _ in SCALARS])
def test_scalars(written: str, value: object, loader: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_LOADER", loader)
    tree, faults = parse(f"key: {written}\n", "f")
    assert faults == []
    assert tree is not None
    found = tree.plain()["key"]
    assert (found, type(found)) == (value, type(value))


def test_places() -> None:
    tree, faults = parse("# é\na: 😀 x  # c\nb:\n- {c: 'd', e: 12}\nf: [1,\n  2]\n", "f")
    assert faults == []
    assert tree is not None
    entries = tree.value
    assert isinstance(entries, dict)
    assert (entries["a"].place, entries["a"].key_place) == (Place("f", 2, 4, 3), Place("f", 2, 1, 1))
    assert entries["b"].place == Place("f", 3, 1, 1), "a block list has the place of its key"
    items = entries["b"].value
    assert isinstance(items, list)
    assert items[0].place == Place("f", 4, 3, 15)
    inner = items[0].value
    assert isinstance(inner, dict)
    assert [(node.key_place, node.place) for node in inner.values()] == [
        (Place("f", 4, 4), Place("f", 4, 7, 3)),
        (Place("f", 4, 12), Place("f", 4, 15, 2)),
    ]
    assert entries["f"].place == Place("f", 5, 4, 3), "what spans lines ends with its first"
    assert tree.place.line == 0


def test_crlf_and_a_byte_order_mark_change_nothing() -> None:
    text = "a: 1\nb:\n  - x\n"
    assert parse("\ufeff" + text.replace("\n", "\r\n"), "f") == parse(text, "f")


HOSTILE = {
    "anchor": ("a: &x 1\n", "1:4 yaml-anchor"),
    "alias": ("a: *x\n", "1:4 yaml-anchor"),
    "alias as a key": ("*x : 1\n", "1:1 yaml-anchor"),
    "tag": ("a: !!int '1'\n", "1:4 yaml-tag"),
    "own tag": ("a: !x\n  b: 1\n", "1:4 yaml-tag"),
    "python tag": ("a: !!python/object/apply:os.system [id]\n", "1:4 yaml-tag"),
    "tag of a key": ("!!str a: 1\n", "1:1 yaml-tag"),
    "merge": ("<<: {a: 1}\n", "1:1 yaml-merge"),
    "duplicate": ("a: 1\n'a': 2\n", "2:1 duplicate-key"),
    "duplicate in flow": ("a: {b: 1, b: 2}\n", "1:11 duplicate-key"),
    "number as a key": ("1: a\n", "1:1 yaml-key"),
    "truth as a key": ("true: a\n", "1:1 yaml-key"),
    "nothing as a key": ("~: a\n", "1:1 yaml-key"),
    "list as a key": ("? [a]\n: b\n", "1:3 yaml-key"),
    "two documents": ("a: 1\n---\nb: 2\n", "2:1 yaml-documents"),
    "%YAML": ("%YAML 1.1\n---\na: 1\n", "1:1 yaml-directive"),
    "%TAG": ("%TAG ! tag:x,2000:\n---\na: 1\n", "1:1 yaml-directive"),
    "NUL": ("a: b\x00\n", "1:5 unprintable-character"),
    "escape": ("a: \x1b[31m\n", "1:4 unprintable-character"),
    "NEL in a comment": ("a: 1 # x\x85b: 2\n", "1:9 unprintable-character"),
    "line separator": ("a: x\u2028b: 1\n", "1:5 unprintable-character"),
    "a lone carriage return": ("a: 1\rb: 2\n", "1:5 unprintable-character"),
    "bidi in a comment": ("a: 1 # \u202e\n", "1:8 unprintable-character"),
    "byte order mark inside": ("a: \ufeffb\n", "1:4 unprintable-character"),
    "surrogate": ("a: \ud800\n", "1:4 unprintable-character"),
    "escaped NUL": ('a: "\\0"\n', "1:4 unprintable-character"),
    "zero width": ("a: x\u200by\n", "1:4 unprintable-character"),
    "soft hyphen": ("a: x\xady\n", "1:4 unprintable-character"),
    "private use": ("a: \ue000\n", "1:4 unprintable-character"),
    "not normalized": ("a: e\u0301\n", "1:4 not-normalized"),
    "escaped surrogate": ('a: "\\ud800"\n', "1:7 yaml-syntax"),
    "tab": ("a:\n\t- b\n", "2:1 yaml-syntax"),
    "too deep": ("[" * 5000, "1:41 too-deep"),
    "too deep in blocks": ("".join(f"{' ' * n}a:\n" for n in range(100)), "41:41 too-deep"),
}


@pytest.mark.parametrize(("text", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_hostile(text: str, expected: str) -> None:
    _, faults = parse(text, "f")
    assert f"{faults[0].place} {faults[0].code}" == f"f:{expected}"


def test_reading_goes_on_after_a_mistake() -> None:
    tree, faults = parse("a: &x 1\nb: !!str 2\nc: 3\nc: 4\n", "f")
    assert [fault.code for fault in faults] == ["yaml-anchor", "yaml-tag", "duplicate-key"]
    assert tree is not None
    assert tree.plain() == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize(
    "text",
    [
        "a: [" + "b," * 300_000,
        "\n".join(f"k{number}: v" for number in range(150_000)),
        "\n".join(["&a0 a: [x,x]"] + [f"&a{n} k{n}: [*a{n - 1},*a{n - 1}]" for n in range(1, 30)]),
        "{" * 500_000,
        "a: " + "x" * 1_000_000,
        "? " * 300_000,
        "- " * 300_000,
        "'" * 1_000_001,
    ],
    ids=["list", "keys", "aliases", "braces", "long scalar", "questions", "dashes", "quotes"],
)
def test_bombs_are_read_in_bounded_time(text: str) -> None:
    began = time.process_time()
    parse(text, "f")
    assert time.process_time() - began < 3


@QUICK
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    _read_or_refused(text)


@QUICK
@given(st.text(alphabet=list("a1:-[]{}&*!|>'\"%#?,@` \t\n~<=.\\x")))
def test_any_mess_of_indicators_is_read_or_refused(text: str) -> None:
    _read_or_refused(text)


def _read_or_refused(text: str) -> None:
    tree, faults = parse(text, "f")
    assert isinstance(tree, Node) or faults
    lines = text.replace("\r\n", "\n").split("\n")
    assert all(0 <= fault.place.line <= len(lines) + 1 and fault.help for fault in faults)
