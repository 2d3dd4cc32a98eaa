"""`docs/outputs.md` names every output, linter and rule, and each rule at the outputs on which it is proved."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict

import pytest

from compiler.pipeline import EMITTERS
from compiler.verify.rules import RULES
from genlint.run import _UNITS
from tests.compiler.project import ROOT
from tests.verify.mutations import MUTATIONS

PAGE = ROOT / "docs/outputs.md"
TEXT = PAGE.read_text(encoding="utf-8")
PATTERNS = [path for emitter in EMITTERS for path in emitter.paths]
START, END = "<!-- rules -->\n", "<!-- end of the rules -->\n"


def _rows() -> dict[str, str]:
    """Return what holds each output, by its pattern as the page shows it."""
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \| ([^|]+) \|$", TEXT.split(START)[0], re.MULTILINE)
    return dict(rows)


def _shown(pattern: str) -> str:
    return pattern.replace("{environment}", "<env>")


def _pattern_of(file: str) -> str:
    (found,) = [one for one in PATTERNS if fnmatch.fnmatch(file, one.replace("{environment}", "*"))]
    return _shown(found)


PROVED: dict[str, set[str]] = defaultdict(set)
for mutation in MUTATIONS:
    PROVED[mutation.rule].add(_pattern_of(mutation.file))


def test_every_output_is_there() -> None:
    assert sorted(_rows()) == sorted(map(_shown, PATTERNS))


@pytest.mark.parametrize("output", _rows())
def test_what_holds_an_output_is_there(output: str) -> None:
    held = _rows()[output]
    folders = re.findall(r"`(tests/[a-z]+)`", held)
    globs = [name for name in re.findall(r"`([a-z*-]+)`", held) if not name.startswith("tests")]
    linters = re.findall(r"[a-z]+", "".join(re.findall(r"linters? ([a-z, ]+)", held)))
    assert folders or globs or linters
    assert all((ROOT / folder).is_dir() for folder in folders)
    assert set(linters) <= set(_UNITS)
    proved = {rule for rule, outputs in PROVED.items() if output in outputs} - {"readable"}
    for glob in globs:
        assert fnmatch.filter(proved, glob), f"no change of {output} breaks a rule {glob}"
    unsaid = {rule for rule in proved if not any(fnmatch.fnmatch(rule, glob) for glob in globs)}
    assert not unsaid, f"rules that hold {output} and are not in its row"


def test_every_linter_is_there() -> None:
    assert all(re.search(rf"\b{linter}\b", TEXT) for linter in _UNITS)


def _table() -> str:
    lines = ["| rule | says | proved on |", "|---|---|---|"]
    for rule, says in RULES.items():
        outputs = ", ".join(f"`{pattern}`" for pattern in map(_shown, PATTERNS) if pattern in PROVED[rule])
        lines.append(f"| `{rule}` | {says} | {outputs} |")
    return "".join(f"{line}\n" for line in lines)


def test_every_rule_is_there(update: bool) -> None:
    head, _, rest = TEXT.partition(START)
    wanted = head + START + "\n" + _table() + "\n" + END + rest.partition(END)[2]
    if update:
        PAGE.write_text(wanted, encoding="utf-8")
    assert update or wanted == TEXT
