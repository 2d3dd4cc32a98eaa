"""What is read by shapes is what a YAML parser reads; what one reader may take otherwise than another is refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml

from compiler.verify.text import LOADER, Reader, UnreadableError, read_json, split_documents
from tests.verify.project import reference

# What YAML gives a meaning to, and what is around it in outputs.
_SNIPPETS = (
    *(
        '"',
        "'",
        "\\",
        "#",
        " #",
        ":",
        ": ",
        "- ",
        "|",
        ": |\n",
        "\n",
        "  ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "7",
        "x",
    ),
    *('"?"', "'?'", '"a', "a'", "\\n", "\\x7b", "\n---\n", "&a ", "*a", "!!str ", ">-\n", "no", "0o7", "1e3"),
)
_EDITS = 40


def _files() -> list[str]:
    return [
        path for path in reference().files if path.endswith((".yaml", ".yml")) and "files.yaml" not in path
    ]


def _parsed(text: str) -> list[Any]:
    """Return the documents as PyYAML reads them, in whose YAML 1.1 the key `on` is true."""

    def with_on(value: Any) -> Any:
        if isinstance(value, dict):
            return {"on" if key is True else key: with_on(below) for key, below in value.items()}
        return [with_on(item) for item in value] if isinstance(value, list) else value

    return [with_on(yaml.load(part, Loader=LOADER)) for part in split_documents(text)]


@pytest.mark.parametrize("path", _files())
def test_every_output_is_read_as_it_is(path: str) -> None:
    text = reference().files[path].text
    assert Reader().documents(text) == _parsed(text)


@pytest.mark.parametrize("path", _files())
def test_what_is_read_of_an_edited_output_is_what_it_says(path: str) -> None:
    text, chance, reader = reference().files[path].text, random.Random(path), Reader()
    reader.documents(text)
    for _ in range(_EDITS):
        at = chance.randrange(len(text))
        edited = text[:at] + chance.choice(_SNIPPETS) + text[at + chance.choice((0, 0, 1, 2)) :]
        try:
            found = reader.documents(edited)
        except UnreadableError:
            continue
        assert found == _parsed(edited), (at, edited[at - 40 : at + 40])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: \"it's\" # it's\nb: 'x'\n", {"a": "it's", "b": "x"}),
        ('# "a\nb: "c"\n', {"b": "c"}),
        ('a: it\'s "b"\nc: 7\n', {"a": 'it\'s "b"', "c": 7}),
        ('a: |\n  "b: \'c\n\n   d\ne: "f"\n', {"a": "\"b: 'c\n\n d\n", "e": "f"}),
        ("a: |\nb: 1\n", {"a": "", "b": 1}),
        ('a: |\n\n  b: "c"\n', {"a": '\nb: "c"\n'}),
        ('"a": {b: 12, "c": [1, "2"]}\n', {"a": {"b": 12, "c": [1, "2"]}}),
        ('a: "\\x7b\\"\\\\\\u00e9"\n', {"a": '{"\\é'}),
        ('a: "b\\\n  \\ c"\n', {"a": "b c"}),
        ('a: "?"\nb: x "?"\n', {"a": "?", "b": 'x "?"'}),
        ("a: 0x1f.y\nb: 012x\n", {"a": "0x1f.y", "b": "012x"}),
    ],
)
def test_quotes_are_not_always_quotes(text: str, value: object) -> None:
    assert Reader().documents(text) == [value]
    assert _parsed(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "a: yes\n", "a: y\n", "a: off\n", "a: 0o7\n", "a: 012\n", "a: 0x1f\n", "a: 1e3\n", "a: 1.5\n", "a: 12:30\n",
        "a: 1_000\n", "a: 2026-01-01\n", "a: ~\n", "a: TRUE\n", "a: 1\na: 2\n", '"a": 1\n"a": 2\n', '"a": "b"\na: c\n',
        '!!binary "YQ=="\n', "a: !!str {b: 1}\n", "a: !x [1]\n",
        "<<: {a: 1}\n", "[a]: 1\n", "a: 'b\n  c'\n", 'a: "b\n  c"\n', "a: b: c\n", "a: [\n", "a: \"\\q\"\n",
    ],
)  # fmt: skip
def test_what_readers_take_for_different_values_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        Reader().documents(text)


def test_a_shape_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    compose = yaml.compose

    def counted(text: str, **options: Any) -> yaml.Node | None:
        parsed.append(text)
        return compose(text, **options)

    monkeypatch.setattr(yaml, "compose", counted)
    reader = Reader()
    for number in range(10, 99):
        assert reader.documents(f'name: "n{number}"\nport: {number}\n') == [
            {"name": f"n{number}", "port": number}
        ]
    assert len(parsed) == 1


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": {"b": 1, "\\u0062": 2}}', "{", ""])
def test_json_that_is_none_or_says_two_things_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        read_json(text)
