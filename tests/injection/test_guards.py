"""No template can forget a filter, take one of another reader, or use one where it does not hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from jinja2 import nodes

from compiler.emit import template
from compiler.emit.spell import FILTERS
from compiler.emit.template import TemplateError, render, templates_folder
from compiler.plan.leaf import Leaf

TEMPLATES = sorted(
    path.relative_to(templates_folder()).as_posix() for path in templates_folder().rglob("*.j2")
)
# What a shell reads as nothing but the text, or raises. `scalar` and `json` are for GitHub and for jq.
SHELL_SAFE = {"name", "plain", "schema", "tool", "variable", "word", "words"}
# What quotes by itself, and so may not stand inside of quotes.
QUOTING = {"word", "words"}
PRINTED = re.compile(r"<%= (.+?) %>")
# Texts that are spelt already: they are ours, and no user's.
OURS = re.compile(r"(actions|versions)\.[a-z_]+")


def _text(name: str) -> str:
    return (templates_folder() / name).read_text("utf-8")


def _target(name: str) -> str:
    found = re.match(r"<%# target: ([a-z]+) %>\n", _text(name))
    assert found, name
    return found[1]


def _filter(printed: str) -> str:
    """Return the name of the filter through which a value is printed; none for what is ours."""
    if OURS.fullmatch(printed):
        return ""
    found = re.fullmatch(r"[a-z_.]+ \| ([a-z_]+)(\(.*\))?", printed)
    assert found, f"printed otherwise than through one filter: {printed}"
    return found[1]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_uses_filters_of_its_own_target_only(name: str) -> None:
    target = _target(name)
    tree = template._environment(target).parse(_text(name), name)
    used = {node.name for node in tree.find_all(nodes.Filter)}
    assert used <= FILTERS[target].keys()
    assert not list(
        tree.find_all((nodes.MarkSafe, nodes.MarkSafeIfAutoescape, nodes.Import, nodes.FromImport))
    )
    for printed in PRINTED.findall(_text(name)):
        assert _filter(printed) in {"", *FILTERS[target]}


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_a_template_includes_is_read_by_the_same_reader(name: str) -> None:
    tree = template._environment(_target(name)).parse(_text(name), name)
    for include in tree.find_all(nodes.Include):
        assert isinstance(include.template, nodes.Const), name
        assert _target(include.template.value) == _target(name)


def test_a_template_of_another_reader_cannot_be_included(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "templates_folder", lambda: tmp_path)
    outer, inner = f"{tmp_path.name}-outer.j2", f"{tmp_path.name}-inner.j2"
    (tmp_path / outer).write_text(f'<%# target: github %>\n<% include "{inner}" %>\n', "utf-8")
    (tmp_path / inner).write_text("<%# target: compose %>\n<%= x | scalar %>\n", "utf-8")
    with pytest.raises(TemplateError, match=f"{inner} is read as compose"):
        render(outer, x=Leaf("a"))


def _scripts() -> Iterator[tuple[str, str]]:
    """Yield template and text of every `run` block of the workflows, and of the scripts that they include."""
    for name in TEMPLATES:
        if _target(name) != "github":
            continue
        if name.endswith(".sh.j2"):
            yield name, _text(name)
        for block in re.finditer(
            r"^( *)(?:- )?run: [|>].*\n((?:\1 +.*\n|\n|<%.*\n)*)", _text(name), re.MULTILINE
        ):
            yield name, block[2]


def test_only_what_a_shell_reads_as_text_reaches_a_script() -> None:
    scripts = list(_scripts())
    assert len(scripts) > 20
    seen = []
    for name, script in scripts:
        assert "${{" not in script, name
        for line in script.split("\n"):
            for printed in PRINTED.finditer(line):
                used = _filter(printed[1])
                seen.append(used)
                assert used in SHELL_SAFE, (name, line)
                before = PRINTED.sub("", line[: printed.start()])
                if used in QUOTING:
                    assert not {"'", '"', "`", "$"} & set(before), (name, line)
    assert QUOTING & set(seen)


def test_no_run_is_written_on_one_line() -> None:
    """What stands in a block is seen by the test above; in a scalar on one line it would not be."""
    for name in TEMPLATES:
        assert not re.search(r"\brun: (?![|>])\S", _text(name)) or _target(name) != "github", name


def test_an_expression_holds_names_and_plain_words_in_quotes_only() -> None:
    """`if:` is an expression without any sign that it is one."""
    for name in TEMPLATES:
        if _target(name) != "github":
            continue
        text = _text(name)
        for expression in [*re.findall(r"\$\{\{(.*?)\}\}", text), *re.findall(r"\bif: (.*)", text)]:
            bare = re.sub(r"'<%= [a-z_.]+ \| plain %>'", "''", expression)
            assert {_filter(printed) for printed in PRINTED.findall(bare)} <= {"name", "variable"}, (
                name,
                expression,
            )


def test_a_variable_of_a_container_is_spelt_for_the_kubelet() -> None:
    """It expands `$(NAME)` in `value`, `command` and `args`, and in nothing else."""
    found = 0
    for name in TEMPLATES:
        if _target(name) != "helm":
            continue
        for line in _text(name).split("\n"):
            if re.match(r" *value: ", line):
                assert [_filter(printed) for printed in PRINTED.findall(line)] in ([], ["env_value"]), (
                    name,
                    line,
                )
                found += 1
            elif re.match(r" *- (?!\{|\w+:).*<%=", line):
                assert [_filter(printed) for printed in PRINTED.findall(line)] in (["option"], ["number"]), (
                    line
                )
                found += 1
    assert found > 5


@pytest.mark.parametrize("target", FILTERS)
def test_what_a_filter_gives_is_printable_ascii_or_refused(target: str) -> None:
    """Whatever reads a file, it reads no mark of a span, no line break and nothing that nobody sees."""
    for name, spell in FILTERS[target].items():
        for text in ("a\ue000b", "a\nb", "a\x00b", "\ud800", "a\u2028b"):
            try:
                spelt = spell(Leaf(text))
            except Exception:  # noqa: BLE001 (a filter of two values, of lists or of numbers, or a refusal)
                continue
            written = spelt.text + "".join(piece for piece, _ in spelt.pieces)
            assert written.isascii(), (name, text)
            assert written.isprintable(), (name, text)
