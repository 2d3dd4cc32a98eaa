"""A template spells, it does not decide; and what was not spelt for its reader is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compiler.diagnostics.model import Place
from compiler.emit import precompiled, template
from compiler.emit.file import Span
from compiler.emit.spell.spelt import UnspeakableError
from compiler.emit.template import TemplateError, render
from compiler.plan.leaf import Leaf
from compiler.plan.model import Items

HERE = Place("environments/local.yaml", 3, 7)
THERE = Place("environments/local.yaml", 9, 1)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that makes a template of one's own and renders it."""
    monkeypatch.setattr(template, "templates_folder", lambda: tmp_path)
    count = iter(range(100))

    def write_and_render(text: str, **fields: object):
        name = f"{tmp_path.name}-{next(count)}.j2"
        (tmp_path / name).write_text(text, encoding="utf-8")
        return render(name, **fields)

    return write_and_render


def test_value_is_spelt_and_its_span_is_known(write) -> None:
    text = write("<%# target: compose %>\nname: <%= x | scalar %>\n", x=Leaf("a$b", (HERE,)))
    assert text.text == 'name: "a$$b"\n'
    assert text.spans == (Span(6, 12, (HERE,)),)


def test_an_if_owns_its_block_and_a_for_its_turns(write) -> None:
    page = (
        "<%# target: compose %>\n<% if on %>\na: 1\n<% endif %>\n"
        "<% for x in xs %>\n- <%= x | scalar %>\n<% endfor %>\n"
    )
    text = write(page, on=Leaf(True, (HERE,)), xs=Items((Leaf("p", (THERE,)),), (HERE,)))
    assert text.text == 'a: 1\n- "p"\n'
    assert set(text.spans) == {
        Span(0, 5, (HERE,)),
        Span(5, 11, (HERE,)),
        Span(5, 11, (THERE,)),
        Span(7, 10, (THERE,)),
    }


@pytest.mark.parametrize(
    "body",
    [
        "<%= x %>",
        "<%= 'a literal' %>",
        "<%= x.value %>",
        "<%= x.value | scalar %>",
        "<%= x | value %>",
        "<%= x | upper %>",
        "<%= x | safe %>",
        "<%= y | scalar %>",
        "<% if x.value == 1 %>a<% endif %>",
        "<% if x and x %>a<% endif %>",
        "<% for i in range(3) %>a<% endfor %>",
        "<% for i in x.value[1:] %>a<% endfor %>",
        "<%= [x] | map('scalar') | join %>",
        "<%= x | key ~ x | key %>",
    ],
)
def test_what_decides_or_is_not_spelt_is_refused(body: str, write) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 (Jinja's own errors and ours)
        write(f"<%# target: compose %>\n{body}\n", x=Leaf("id", (HERE,)))
    assert type(caught.value).__module__.startswith(("jinja2", "compiler")) or isinstance(
        caught.value, AttributeError
    )


def test_target_must_be_declared(write) -> None:
    with pytest.raises(TemplateError, match="declare the target"):
        write("name: 1\n")


def test_user_text_is_never_a_template(write) -> None:
    text = write(
        "<%# target: compose %>\n<%= x | scalar %>", x=Leaf("<%= 7 %>{{ 7 }}${{ 7 }}\ue0000\ue001\ue002")
    )
    assert text.text == '"<%= 7 %>{{ 7 }}$${{ 7 }}\\ue0000\\ue001\\ue002"'


@pytest.mark.parametrize("value", ["it's", "two\nlines"])
def test_a_value_that_no_reader_of_env_files_agrees_on_is_refused(value: str, write) -> None:
    with pytest.raises(UnspeakableError):
        write("<%# target: env %>\nX=<%= x | value %>\n", x=Leaf(value))


def test_a_template_that_was_compiled_before_gives_the_same_until_it_is_edited(write, tmp_path: Path) -> None:
    def page(a: str) -> str:
        return f'<%# target: env %>\n{a}=<%= x | value %>\n<% if on %>\n<% include "in.j2" %>\n<% endif %>\n'

    fields = {"x": Leaf("1", (HERE,)), "on": Leaf(True, (THERE,))}
    (tmp_path / "in.j2").write_text("<%# target: env %>\nB=2\n", encoding="utf-8")
    plain = write(page("A"), **fields)
    precompiled.write(tmp_path, template.compiled())
    made = sorted((tmp_path / ".compiled").glob("*.py"))
    assert len(made) == 2
    # Its own text says what runs: this is the module, not the template.
    for path in made:
        path.write_text(path.read_text("utf-8").replace("B=2", "B=3"), "utf-8")
    template._environment.cache_clear()
    assert write(page("A"), **fields) == replace(plain, text=plain.text.replace("B=2", "B=3"))
    assert write(page("C"), **fields).text == "C='1'\nB=3\n", "an edited page is compiled anew"
    (tmp_path / "in.j2").write_text("<%# target: env %>\nB=4\n", encoding="utf-8")
    template._environment.cache_clear()
    assert write(page("C"), **fields).text == "C='1'\nB=4\n"
    precompiled.write(tmp_path, template.compiled())
    names = {path.name for path in (tmp_path / ".compiled").glob("*.py")}
    assert len(names) == 3
    assert len(names & {path.name for path in made}) == 1


def test_every_template_declares_a_target_and_is_rendered_by_a_golden_case_or_a_starter() -> None:
    folder = template.templates_folder()
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.j2")} == {
        "env.example.j2",
        "github/approve.yml.j2",
        "github/deploy.yml.j2",
        "github/jobs/build.yml.j2",
        "github/jobs/deploy.yml.j2",
        "github/jobs/images.yml.j2",
        "github/jobs/notify.yml.j2",
        "github/jobs/pin.yml.j2",
        "github/jobs/promote.yml.j2",
        "github/pull-request.yml.j2",
        "github/steps/argocd.yml.j2",
        "github/steps/by-hand.sh.j2",
        "github/steps/connect.yml.j2",
        "github/steps/helm.yml.j2",
        "github/steps/pin.yml.j2",
        "github/steps/smoke.yml.j2",
        "init/local.yaml.j2",
        "init/platform.yaml.j2",
        "init/production.yaml.j2",
        "init/service.md.j2",
        "init/staging.yaml.j2",
        "out/README.md.j2",
        "out/argocd/application.yaml.j2",
        "out/argocd/project.yaml.j2",
        "out/chart/Chart.yaml.j2",
        "out/chart/images.yaml.j2",
        "out/chart/templates/migrations/files.yaml.j2",
        "out/chart/templates/migrations/job.yaml.j2",
        "out/chart/templates/services/service.yaml.j2",
        "out/chart/values.yaml.j2",
        "out/compose.yaml.j2",
    }
