"""Each change that makes an output worse is found, by the one rule that it breaks; what `gen` emits breaks none."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from compiler.verify.finding import diagnose
from compiler.verify.rules import RULES
from compiler.verify.text import Reader
from compiler.verify.verify import findings
from tests.verify.mutations import MUTATIONS
from tests.verify.mutations.model import Mutation
from tests.verify.project import mutated, reference


def test_what_is_emitted_breaks_no_rule() -> None:
    assert findings(reference(), Reader()) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.id)
def test_mutation_breaks_exactly_its_rule(mutation: Mutation) -> None:
    tree = mutated(reference(), mutation)
    found = findings(tree, Reader())
    assert {finding.rule for finding in found} == {mutation.rule}, found
    for finding in found:
        place = diagnose(finding, tree.files[finding.file]).place
        assert place.file.startswith("environments/"), place
        assert place.line


def test_every_rule_has_a_mutation_and_every_mutation_a_rule() -> None:
    assert sorted({mutation.rule for mutation in MUTATIONS}) == sorted(RULES)


def test_no_two_mutations_are_the_same() -> None:
    count = Counter((one.file, one.old, one.new, one.behind) for one in MUTATIONS)
    assert [change for change, number in count.items() if number > 1] == []


def test_table(update: bool) -> None:
    """`README.md` beside this file shows every rule, what holds where it is kept, and what breaks it."""
    path = Path(__file__).with_name("README.md")
    page = path.read_text(encoding="utf-8")
    lines = ["| rule | what holds | broken by |", "|---|---|---|"]
    for rule, holds in RULES.items():
        broken = [_cell(mutation.what) for mutation in MUTATIONS if mutation.rule == rule]
        lines.append(f"| `{rule}` | {holds} | {len(broken)}: {'; '.join(broken)} |")
    count = f"{len(RULES)} rules, {len(MUTATIONS)} changes"
    head = re.sub(r"[0-9]+ rules, [0-9]+ changes", count, page.partition("| rule |")[0])
    assert count in head
    expected = head + "\n".join(lines) + "\n"
    if update:
        path.write_text(expected, encoding="utf-8")
    assert page == expected or update


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
