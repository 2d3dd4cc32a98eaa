"""Our scripts into a package.json of the user's: byte for byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from compiler.output.tree import collect
from tests.output.project import codes, drift, gen, look, scripts, tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from compiler.emit.file import OutputScripts

OURS = (("dev", "bin/gen dev up"), ("migrate", "bin/gen migrate upgrade"))
DEV, MIGRATE = '"dev": "bin/gen dev up"', '"migrate": "bin/gen migrate upgrade"'
TIGHT = '"dev":"bin/gen dev up","migrate":"bin/gen migrate upgrade"'


def put(
    root: Path, text: str, output: OutputScripts | None = None, take: frozenset[str] = frozenset()
) -> str:
    """Write `text` as package.json, run `gen`, return what it is then."""
    (root / "package.json").write_bytes(text.encode())
    gen([output or scripts(*OURS)], root, take)
    return (root / "package.json").read_bytes().decode()


CORPUS = {
    "two spaces": (
        '{\n  "name": "x",\n  "scripts": {\n    "test": "y"\n  },\n  "b": 1\n}\n',
        f'{{\n  "name": "x",\n  "scripts": {{\n    "test": "y",\n    {DEV},\n    {MIGRATE}\n  }},\n  "b": 1\n}}\n',
    ),
    "four spaces": (
        '{\n    "scripts": {\n        "test": "y"\n    }\n}\n',
        f'{{\n    "scripts": {{\n        "test": "y",\n        {DEV},\n        {MIGRATE}\n    }}\n}}\n',
    ),
    "tabs": (
        '{\n\t"scripts": {\n\t\t"test": "y"\n\t}\n}\n',
        f'{{\n\t"scripts": {{\n\t\t"test": "y",\n\t\t{DEV},\n\t\t{MIGRATE}\n\t}}\n}}\n',
    ),
    "tabs, no scripts yet": (
        '{\n\t"name": "x"\n}\n',
        f'{{\n\t"name": "x",\n\t"scripts": {{\n\t\t{DEV},\n\t\t{MIGRATE}\n\t}}\n}}\n',
    ),
    "line ends of Windows": (
        '{\r\n  "scripts": {\r\n    "test": "y"\r\n  }\r\n}\r\n',
        f'{{\r\n  "scripts": {{\r\n    "test": "y",\r\n    {DEV},\r\n    {MIGRATE}\r\n  }}\r\n}}\r\n',
    ),
    "line ends of Windows, no scripts yet": (
        '{\r\n  "name": "x"\r\n}',
        f'{{\r\n  "name": "x",\r\n  "scripts": {{\r\n    {DEV},\r\n    {MIGRATE}\r\n  }}\r\n}}',
    ),
    "byte order mark": ('\ufeff{"a":1}', f'\ufeff{{"a":1,"scripts":{{{TIGHT}}}}}'),
    "no newline at the end": (
        '{\n  "scripts": {\n    "test": "y"\n  }\n}',
        f'{{\n  "scripts": {{\n    "test": "y",\n    {DEV},\n    {MIGRATE}\n  }}\n}}',
    ),
    "minified": (
        '{"name":"x","scripts":{"test":"y"},"b":[1,2]}',
        f'{{"name":"x","scripts":{{"test":"y",{TIGHT}}},"b":[1,2]}}',
    ),
    "minified, empty scripts": ('{"a":1,"scripts":{}}', f'{{"a":1,"scripts":{{{TIGHT}}}}}'),
    "one line with spaces": (
        '{ "name": "x", "scripts": { "test": "y" } }\n',
        f'{{ "name": "x", "scripts": {{ "test": "y", {DEV}, {MIGRATE} }} }}\n',
    ),
    "empty scripts": (
        '{\n  "scripts": {}\n}\n',
        f'{{\n  "scripts": {{\n    {DEV},\n    {MIGRATE}\n  }}\n}}\n',
    ),
    "empty scripts over two lines": (
        '{\n   "a": 1,\n   "scripts": {\n   }\n}\n',
        f'{{\n   "a": 1,\n   "scripts": {{\n      {DEV},\n      {MIGRATE}\n   }}\n}}\n',
    ),
    "empty object": ("{}\n", f'{{\n  "scripts": {{\n    {DEV},\n    {MIGRATE}\n  }}\n}}\n'),
    "scripts elsewhere": (
        '{\n  "jest": {"scripts": {"dev": "no"}},\n  "list": [{"scripts": 1}]\n}\n',
        '{\n  "jest": {"scripts": {"dev": "no"}},\n  "list": [{"scripts": 1}],\n'
        f'  "scripts": {{\n    {DEV},\n    {MIGRATE}\n  }}\n}}\n',
    ),
    "in place, out of order, with odd spaces": (
        '{\n  "scripts" : {"migrate" :\t"bin/gen migrate up" ,"x": "y" ,\n\n "dev":"bin/gen dev"}\n}\n',
        '{\n  "scripts" : {"migrate" :\t"bin/gen migrate upgrade" ,"x": "y" ,\n\n "dev":"bin/gen dev up"}\n}\n',
    ),
    "other scripts that call the tool": (
        '{"scripts":{"check":"bin/gen --check","start":"bin/gen dev up","dev:x":"bin/gen dev && x","gen":"bin/gen"}}',
        '{"scripts":{"check":"bin/gen --check","start":"bin/gen dev up","dev:x":"bin/gen dev && x","gen":"bin/gen",'
        f"{TIGHT}}}}}",
    ),
    "another tool whose name starts like ours": (
        '{"scripts":{"dev:x":"bin/generate dev x"}}',
        f'{{"scripts":{{"dev:x":"bin/generate dev x",{TIGHT}}}}}',
    ),
    "stale: first, in the middle, last": (
        '{\n  "scripts": {\n    "dev:a": "bin/gen dev a",\n    "test": "y",\n    "migrate:b": "bin/gen migrate b",\n'
        f'    {DEV},\n    {MIGRATE},\n    "migrate:c": "bin/gen migrate c"\n  }}\n}}\n',
        f'{{\n  "scripts": {{\n    "test": "y",\n    {DEV},\n    {MIGRATE}\n  }}\n}}\n',
    ),
    "unicode and escapes": (
        '{"d\\u00e9":"\\ud83d\\ude00","é":"😀","scripts":{"t\\u0065st":"echo \\"ü\\""}}',
        '{"d\\u00e9":"\\ud83d\\ude00","é":"😀","scripts":{"t\\u0065st":"echo \\"ü\\"",' + TIGHT + "}}",
    ),
}


@pytest.mark.parametrize("case", CORPUS)
def test_every_other_byte_stays(tmp_path: Path, case: str) -> None:
    before, after = CORPUS[case]
    assert put(tmp_path, before) == after
    assert put(tmp_path, after) == after
    assert (
        dict(json.loads(after.removeprefix("\ufeff"))["scripts"]) | dict(OURS)
        == json.loads(after.removeprefix("\ufeff"))["scripts"]
    )


@pytest.mark.parametrize("case", CORPUS)
def test_adding_a_script_and_removing_it_gives_back_the_bytes(tmp_path: Path, case: str) -> None:
    full = put(tmp_path, CORPUS[case][0])
    more = scripts(OURS[0], ("dev:new", "bin/gen dev new"), OURS[1], ("migrate:z", "bin/gen migrate z"))
    put(tmp_path, full, more)
    assert put(tmp_path, (tmp_path / "package.json").read_bytes().decode()) == full


def test_a_new_script_stands_behind_its_predecessor(tmp_path: Path) -> None:
    text = put(tmp_path, '{"scripts":{"dev":"bin/gen dev up","x":"y","migrate":"bin/gen migrate upgrade","z":""}}',
               scripts(OURS[0], ("dev:a", "bin/gen dev a"), OURS[1], ("migrate:a", "bin/gen migrate a")))  # fmt: skip
    assert list(json.loads(text)["scripts"]) == ["dev", "dev:a", "x", "migrate", "migrate:a", "z"]


def test_without_a_package_json_a_private_one_is_made(tmp_path: Path) -> None:
    gen([scripts(("dev", 'bin/gen "dev" é\t'))], tmp_path)
    assert (tmp_path / "package.json").read_bytes() == (
        b'{\n  "private": true,\n  "scripts": {\n    "dev": "bin/gen \\"dev\\" \\u00e9\\t"\n  }\n}\n'
    )


def test_nothing_to_put_makes_no_package_json(tmp_path: Path) -> None:
    gen([scripts()], tmp_path)
    assert not (tmp_path / "package.json").exists()
    for text in ("{}", '{"scripts": { }}', '{"a": 1}\n'):
        assert put(tmp_path, text, scripts()) == text


def test_the_mode_of_the_users_file_stays(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "package.json").chmod(0o600)
    gen([scripts(*OURS)], tmp_path)
    assert (tmp_path / "package.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "package.json").chmod(0o755)
    assert drift([scripts(*OURS)], tmp_path) == {}


@pytest.mark.parametrize("case", CORPUS)
def test_each_script_knows_its_origin(tmp_path: Path, case: str) -> None:
    (tmp_path / "package.json").write_bytes(CORPUS[case][0].encode())
    for _ in range(2):
        file = tree_of([scripts(*OURS)], tmp_path).files["package.json"]
        found = {span.places[0].line: file.text[span.start : span.end] for span in file.spans}
        # The comma before a script is there for its sake, so it belongs to the span.
        members = {line: text.lstrip(", \t\r\n") for line, text in found.items()}
        assert {line: json.loads("{" + text + "}") for line, text in members.items()} == {
            line: dict([pair]) for line, pair in enumerate(OURS, 1)
        }
        gen([scripts(*OURS)], tmp_path)


MISTAKES = {
    "comment": ('{\n  // no\n  "a": 1\n}', "package-json-syntax", 2, 3, "a comment"),
    "hash": ('{"a": 1} # x', "package-json-syntax", 1, 10, "after the end"),
    "comma before the end": ('{\n  "a": 1,\n}', "package-json-syntax", 2, 9, "a comma before `}`"),
    "no comma": ('{"a": 1\n "b": 2}', "package-json-syntax", 2, 2, '`"` where `,` or `}` belongs'),
    "single quotes": ("{'a': 1}", "package-json-syntax", 1, 2, "`'` where a key"),
    "NaN": ('{"a": NaN}', "package-json-syntax", 1, 7, "`NaN` where a value belongs"),
    "Infinity": ('{"a": -Infinity}', "package-json-syntax", 1, 7, "`-Infinity`"),
    "octal": ('{"a": 012}', "package-json-syntax", 1, 7, "`012`"),
    "open string": ('{"a": "x\n}', "package-json-syntax", 1, 7, "a string that does not end"),
    "bad escape": ('{"a": "\\x"}', "package-json-syntax", 1, 7, "bad escape"),
    "empty": ("", "package-json-syntax", 1, 1, "the file ends where a value belongs"),
    "ends early": ('{"a": [1,', "package-json-syntax", 1, 10, "the file ends"),
    "conflict": ('{\n<<<<<<< HEAD\n"a": 1}', "package-json-syntax", 2, 1, "`<` where"),
    "not UTF-8": (b'{\n "a": "\xff"}', "package-json-syntax", 2, 8, "not UTF-8"),
    "byte order mark inside": ('{"a":\ufeff1}', "package-json-syntax", 1, 6, "`\\ufeff` where a value"),
    "deep": ('{"a":' + "[" * 5000, "package-json-syntax", 1, 106, "more than 100 levels"),
    "key twice": (
        '{"a": 1,\n "b": {"c": 1, "\\u0063": 2}}',
        "package-json-duplicate-key",
        2,
        16,
        "is there twice",
    ),
    "scripts twice": (
        '{"scripts": {},\n"scripts": {}}',
        "package-json-duplicate-key",
        2,
        1,
        '"scripts" is there',
    ),
    "scripts is a list": ('{"scripts": []}', "package-json-scripts", 1, 13, "must be an object"),
    "script is a number": (
        '{"scripts": {"a": 1}}',
        "package-json-scripts",
        1,
        19,
        'script "a" must be a string',
    ),
    "a list": ("[1]", "package-json-scripts", 1, 1, "must hold an object"),
    "foreign": ('{"scripts":{\n "dev": "vite"}}', "foreign-script", 2, 2, 'the script "dev"'),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_package_json_has_its_place(tmp_path: Path, case: str) -> None:
    text, code, line, column, message = MISTAKES[case]
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "package.json").write_bytes(data)
    tree, (found,) = collect([scripts(*OURS)], tmp_path)
    assert tree is None
    assert (found.code, found.place.file, found.place.line, found.place.column) == (
        code,
        "package.json",
        line,
        column,
    )
    assert message in found.message
    assert found.help
    assert (tmp_path / "package.json").read_bytes() == data


def test_all_mistakes_of_package_json_at_once(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"scripts": {"dev": "vite", "migrate": "knex"}}')
    _, found = collect([scripts(*OURS)], tmp_path)
    assert [diagnostic.place.column for diagnostic in found] == [14, 29]
    assert "`gen --take dev`" in (found[0].help or "")
    assert '`npm: {prefix: "gen:"}`' in (found[0].help or "")
    assert found[0].notes[0].place is not None
    (tmp_path / "package.json").write_text('{"a": 1, "a": 2, "b": {"c": 1, "c": 2, "c": 3}}')
    _, found = collect([scripts(*OURS)], tmp_path)
    assert [diagnostic.notes[0].place.column for diagnostic in found if diagnostic.notes[0].place] == [
        2,
        24,
        24,
    ]


@pytest.mark.parametrize("take", ["dev", "package.json"])
def test_take_replaces_a_foreign_script_and_keeps_a_copy(tmp_path: Path, take: str) -> None:
    text = '{"scripts":{"a":"b","dev":"vite"}}'
    assert put(tmp_path, text, take=frozenset([take])) == text.replace('"dev":"vite"', TIGHT)
    (copy,) = (tmp_path / ".gen/saved").iterdir()
    assert copy.read_text() == text
    assert drift([scripts(*OURS)], tmp_path) == {}


def test_a_hand_edited_script_of_ours_is_told_from_a_stale_one(tmp_path: Path) -> None:
    put(tmp_path, "{}")
    newer = scripts(OURS[0], ("migrate", "bin/gen migrate newer"))
    assert drift([newer], tmp_path)["package.json"] == ("changed", "stale")
    path = tmp_path / "package.json"
    path.write_text(path.read_text().replace("dev up", "dev up --mine"))
    assert drift([scripts(*OURS)], tmp_path) == {"package.json": ("changed", "hand-edited")}
    edited = path.read_text()
    ((name, copy),) = gen([newer], tmp_path).saved
    assert name == "package.json"
    assert (tmp_path / copy).read_text() == edited


def test_an_edit_of_the_rest_is_no_drift(tmp_path: Path) -> None:
    put(tmp_path, "{}")
    path = tmp_path / "package.json"
    path.write_text(
        path.read_text().replace("{\n  ", '{\n  "name": "x",\n  ', 1).replace('"dev"', '"a": "b",\n    "dev"')
    )
    assert drift([scripts(*OURS)], tmp_path) == {}


def test_another_tool_takes_over_the_scripts_of_the_old_one(tmp_path: Path) -> None:
    put(tmp_path, "{}")
    newer = scripts(("dev", "npx gen dev up"), ("migrate", "npx gen migrate upgrade"), tool="npx gen")
    gen([newer], tmp_path)
    assert json.loads((tmp_path / "package.json").read_text())["scripts"]["dev"] == "npx gen dev up"
    assert codes(look([newer], tmp_path)) == []


def test_a_prefix_moves_the_scripts(tmp_path: Path) -> None:
    put(tmp_path, '{"scripts":{"test":"x"}}')
    prefixed = scripts(("gen:dev", "bin/gen dev up"), ("gen:migrate", "bin/gen migrate upgrade"))
    gen([prefixed], tmp_path)
    assert json.loads((tmp_path / "package.json").read_text()) == {
        "scripts": {"test": "x", "gen:dev": "bin/gen dev up", "gen:migrate": "bin/gen migrate upgrade"}
    }
