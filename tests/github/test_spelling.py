"""Text of the user's in a workflow: the same text arrives, and nothing of it is run or evaluated."""

from __future__ import annotations

import json
import random
import re
import subprocess
from contextlib import suppress

import pytest
import yaml

from compiler.emit.spell.github import FILTERS, quote_bash, quote_github
from compiler.emit.spell.spelt import UnspeakableError
from compiler.plan.leaf import Leaf
from tests.github.workflow import expand

NASTY = [
    "",
    " ",
    "-n",
    "a b",
    "it's",
    '"',
    "\\",
    "$HOME",
    "$(id)",
    "`id`",
    "${{ 7 }}",
    "${{ secrets.TOKEN }}",
    "$${{ 7 }}",
    "'${{ 7 }}'",
    "é${{ 7 }}☃",
    "A=b",
    "~",
    "!!",
    "*",
    "# no",
    "<%= 7 %>",
    "::set-output name=a::b",
]
ALPHABET = "ab $`\\\"'{}${{}}!*~#;&|<>()=\té☃\U0001f5c4\u0085\u2028"


def _texts() -> list[str]:
    chance = random.Random(20261124)
    return NASTY + ["".join(chance.choices(ALPHABET, k=chance.randint(1, 12))) for _ in range(1500)]


def test_a_word_of_bash_is_one_word() -> None:
    texts = _texts()
    script = "printf '%s\\0' " + " ".join(map(quote_bash, texts))
    assert "${{" not in script
    assert script.isascii()
    assert "\n" not in script
    for language in ("C", "C.UTF-8"):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            capture_output=True,
            env={"LC_ALL": language},
            check=True,
        )
        assert done.stdout.decode().split("\0")[:-1] == texts


def test_a_scalar_is_evaluated_to_its_own_text() -> None:
    for text in _texts():
        spelt = quote_github(text)
        assert spelt.isascii()
        read = yaml.safe_load(spelt)
        assert expand(read, {}) == text, "an expression other than a literal is left"


def test_a_line_of_json_holds_no_expression() -> None:
    for text in _texts():
        spelt = FILTERS["json"](Leaf(text)).text
        assert "${{" not in spelt
        assert spelt.isascii()
        assert json.loads(spelt) == text


@pytest.mark.parametrize("name", ["plain", "name", "variable", "tool"])
def test_what_stands_bare_is_of_harmless_letters(name: str) -> None:
    for text in [*_texts(), "a", "ab-1", "A_B", "uv run --project x gen"]:
        with suppress(UnspeakableError):
            spelt = FILTERS[name](Leaf(text)).text
            assert re.fullmatch("[A-Za-z0-9._/@:+=, -]+", spelt)
            assert spelt == text
