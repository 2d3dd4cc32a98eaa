"""Five thousand texts of nasty characters through every rule of quoting: each real reader gives the same text back."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from compiler.diagnostics.model import Place
from compiler.emit.file import Text
from compiler.emit.spell import FILTERS
from compiler.emit.spell.compose import quote_compose
from compiler.emit.spell.env import quote_env
from compiler.emit.spell.json import quote_json
from compiler.emit.spell.spelt import Spelt, UnspeakableError
from compiler.emit.spell.yaml import key, quote_yaml
from compiler.plan.leaf import Leaf
from compiler.spec.characters import text_faults
from localdev import dotenv
from tests.injection.downstream import kubelet, shown
from tests.injection.payloads import UNSEEN, payloads
from tests.injection.readers import Readers, yaml_1_1, yaml_1_2

COUNT = 5000
_CHARACTERS = (
    "{}$<>%#`'\"\\|&*!@~^-=+:;,.?()[]/_ \t\n\r\x00\x07\x1b\x7f\x85\xa0\u2028\u2029\ufeff\ufffe\u200b\u202e\xad"
    "abnyNY019xuUe\u00e9\u2603\U0001f600"
)
_WORDS = (
    "{{",
    "}}",
    "${{",
    "$(",
    "${",
    "<% ",
    "%>",
    "$$",
    "\\n",
    "\\x7b",
    "\\u007b",
    "::",
    "##[",
    "]]>",
    "```",
)
_NASTY = (
    *_CHARACTERS,
    *_WORDS,
    " #",
    ": ",
    "- ",
    "\r\n",
    "\n\n",
    "  ",
    "<no value>",
    "''",
    '""',
    "e\u0301",
    "\ue000\ue001",
    "\ue002",
    "~~",
    "||",
)


@pytest.fixture(scope="module")
def texts(trip: Path) -> list[str]:
    dice = random.Random(20)
    made = dict.fromkeys([*payloads(str(trip)), *UNSEEN])
    while len(made) < COUNT:
        made["".join(dice.choices(_NASTY, k=dice.randint(1, 12)))] = None
    return list(made)


def test_yaml(texts: list[str], readers: Readers) -> None:
    document = "".join(f"- {quote_yaml(text)}\n- {key(text)}: 1\n" for text in texts)
    wanted = [item for text in texts for item in (text, {text: 1})]
    assert yaml_1_1(document) == [wanted]
    assert yaml_1_2(document) == [wanted]
    assert readers.node("yaml", {"x": document}) == {"x": {"yaml": [wanted], "js-yaml": [wanted]}}


def test_json(texts: list[str], readers: Readers) -> None:
    document = "[" + ",\n".join(map(quote_json, texts)) + "]"
    assert document.isascii()
    assert readers.node("json", {"x": document}) == {"x": texts}


def test_helm(texts: list[str], readers: Readers, tmp_path: Path) -> None:
    """A scalar, a variable, an option, and a whole file as one scalar; the kubelet expands what it starts."""
    spell = FILTERS["helm"]
    whole = "\n".join(texts) + "\n"
    document = [
        *(spell["scalar"](Leaf(text)) for text in texts),
        *(spell["env_value"](Leaf(text)) for text in texts),
        *(spell["option"](Leaf(text), "--x") for text in texts),
        spell["embedded"](Text(whole), 2),
    ]
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: x\nversion: 1.0.0\n", "utf-8")
    (tmp_path / "values.json").write_text('{"images": {"x": "never"}}', "utf-8")
    lines = "".join(f"- {_all_of(spelt)}\n" for spelt in document)
    (chart / "templates/x.yaml").write_text(f"items:\n{lines}", "utf-8")
    items = yaml_1_1(readers.helm(chart))[0]["items"]
    count = len(texts)
    assert items[:count] == texts
    assert [kubelet(text, {}) for text in items[count : 2 * count]] == texts
    assert [kubelet(text, {}) for text in items[2 * count : 3 * count]] == [f"--x={text}" for text in texts]
    assert items[3 * count :] == [whole]


def test_github(texts: list[str], readers: Readers) -> None:
    """A scalar, and a value in a line of JSON, each in a variable of a step."""
    spell = FILTERS["github"]
    variables = "".join(
        f"          X{n}: {spell['scalar'](Leaf(text)).text}\n" for n, text in enumerate(texts)
    )
    lines = "".join(f'            {{"x": {spell["json"](Leaf(text)).text}}}\n' for text in texts)
    head = "on: push\njobs:\n  x:\n    runs-on: x\n    steps:\n      - run: x\n        env:\n"
    found = readers.node("workflow", {"x": f"{head}{variables}          LINES: |\n{lines}"})["x"]
    assert found["errors"] == []
    held = found["value"]["jobs"]["x"]["steps"][0]["env"]
    assert [held[f"X{number}"] for number in range(len(texts))] == texts
    assert [json.loads(line)["x"] for line in held["LINES"].splitlines()] == texts


def test_words_of_bash(texts: list[str], tmp_path: Path) -> None:
    seen = [text for text in texts if "\0" not in text]
    words = FILTERS["github"]["words"](tuple(map(Leaf, seen)))
    assert words.text.isascii()
    assert words.text.isprintable()
    assert "${{" not in words.text
    (tmp_path / "words.sh").write_text(f"printf '%s\\0' {words.text}\n", "utf-8")
    done = subprocess.run(["bash", "-eu", "words.sh"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == seen


def _all_of(spelt: Spelt) -> str:
    return "".join(text for text, _ in spelt.pieces) or spelt.text


def test_compose(texts: list[str], readers: Readers, tmp_path: Path) -> None:
    seen = [text for text in texts if "\0" not in text]
    words = FILTERS["compose"]["words"](tuple(map(Leaf, seen))).text
    lines = "".join(f"      X{number}: {quote_compose(text)}\n" for number, text in enumerate(seen))
    file = tmp_path / "compose.yaml"
    file.write_text(
        f"name: x\nservices:\n  x:\n    image: x\n    command: {words}\n    environment:\n{lines}", "utf-8"
    )
    service = readers.compose([file], {"HOME": "wrong", "x": "wrong"})[0]["services"]["x"]
    assert service["command"] == seen
    assert service["environment"] == {f"X{number}": text for number, text in enumerate(seen)}


def test_env_file(texts: list[str], readers: Readers, tmp_path: Path) -> None:
    """What readers of such files do not agree on is refused, and everything else is the same in all of them."""
    kept: dict[str, str] = {}
    lines = []
    for number, text in enumerate(texts):
        try:
            lines.append(f"X{number}={quote_env(text)}\n")
        except UnspeakableError:
            continue
        kept[f"X{number}"] = text
    assert len(kept) > COUNT / 4
    document = "".join(lines)
    path = tmp_path / ".env"
    path.write_text(document, "utf-8", newline="")
    held = {
        "bash": readers.bash_env(path),
        "node": readers.node_env(path),
        "dotenv": readers.node("dotenv", {"x": document})["x"],
        "compose": readers.compose_env([path])[0],
        "gen dev": dotenv.read(path).values(),
    }
    for name, found in held.items():
        different = {
            text: found.get(variable) for variable, text in kept.items() if found.get(variable) != text
        }
        assert not different, (name, len(different), list(different.items())[:10])


def test_markdown(texts: list[str]) -> None:
    seen = [text for text in texts if not text_faults(text, Place("x", 1, 1))]
    assert len(seen) > COUNT / 4
    code = [FILTERS["markdown"]["code"](Leaf(text)).text for text in seen]
    page = "".join(f"x{text}x\n\n" for text in code)
    table = "| a | b |\n|---|---|\n" + "".join(f"| {text} | x |\n" for text in code)
    paragraph = [["p", {}], "x", ["code", {}], None, ["/code"], "x", ["/p"], "\n"]
    assert _shown(page) == [part for text in seen for part in _with(paragraph, text)]
    cells = [["td", {}], ["code", {}], None, ["/code"], ["/td"], "\n", ["td", {}], "x", ["/td"]]
    row = ["\n", ["tr", {}], "\n", *cells, "\n", ["/tr"]]
    rows = _shown(table)
    first = next(at for at, part in enumerate(rows) if part == ["tbody", {}]) + 1
    assert rows[first:-5] == [part for text in seen for part in _with(row, text)]


def _shown(text: str) -> list:
    """Return what GitHub shows of a page, but for comments, which it drops."""
    found = shown(cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE))
    merged: list = []
    for part in found:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != ["!", " "]:
            merged.append(part)
    return merged


def _with(parts: list, text: str) -> list:
    """Return `parts` with `text` in the place of None; a text of nothing is no part."""
    return [text if part is None else part for part in parts if part is not None or text]
