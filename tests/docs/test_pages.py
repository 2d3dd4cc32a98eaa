"""Every command of the README, the guides and the environments' own pages is run, or marked with why it cannot be."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from genlint.tools.model import Tools
from tests.calls.find import blocks
from tests.calls.shell import commands
from tests.compiler.project import ROOT
from tests.docs.tour import FILL_IN, MARKS, Clone, steps

GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OWN = sorted((ROOT / "out").glob("*/README.md"))
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in (*GUIDES, *OWN)}
# Languages of what is read and not typed in.
READ = {"", "mermaid", "text", "yaml"}


def test_every_guide_shows_something_that_is_run() -> None:
    guides = {"docs/deployments.md", "docs/migrations.md", "docs/outputs.md"}
    assert {path for path in PAGES if path.startswith("docs/")} == guides
    counts = {path: len([step for step in steps(text) if step.command]) for path, text in PAGES.items()}
    assert counts["README.md"] >= 15
    assert counts["docs/deployments.md"] >= 15
    assert counts["out/production/README.md"] == 2


@pytest.mark.parametrize("path", [path for path in PAGES if steps(PAGES[path])])
def test_page_can_be_followed(path: str, tmp_path: Path, tools: Tools) -> None:
    assert tools.programs  # `gen lint` of a page would build them
    clone = Clone(tmp_path / "clone")
    if FILL_IN in [mark for _, mark, _ in blocks(PAGES[path])]:
        clone.pin(path.split("/")[1] if path.startswith("out/") else "production")
    assert clone.follow(PAGES[path])


@pytest.mark.parametrize("path", PAGES)
def test_every_block_is_run_or_says_why_not(path: str) -> None:
    text = PAGES[path]
    fences = re.findall(r"^ *```", text, re.MULTILINE)
    assert len(fences) == 2 * len(re.findall(r"^```[^\n]*\n.*?^```$", text, re.DOTALL | re.MULTILINE))
    for head in re.findall(r"^```([^\n]*)\n.*?^```$", text, re.DOTALL | re.MULTILINE):
        language, _, mark = head.partition(" ")
        if language == "sh":
            assert mark in {*MARKS, FILL_IN}, f"{path}: ```{head}"
        else:
            assert language in READ | {"console"}, f"{path}: ```{head}"
            assert not mark or language == "yaml"


@pytest.mark.parametrize("path", PAGES)
def test_what_is_not_run_is_a_script_that_bash_can_read(path: str) -> None:
    for language, _, body in blocks(PAGES[path]):
        if language == "sh":
            done = subprocess.run(["bash", "-n"], input=body, capture_output=True, text=True, check=False)
            assert not done.stderr, f"{path}: {done.stderr}"


def test_what_needs_a_database_is_told_by_the_native_story() -> None:
    story = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/native").glob("*.py"))
    found = [
        words
        for text in PAGES.values()
        for language, mark, body in blocks(text)
        if (language, mark) == ("sh", "needs-database")
        for words in commands(body)
        if words[0] in ("npm", "cp", "uv")
    ]
    assert len(found) >= 5
    for words in found:
        for word in words:
            said = {word, word.removeprefix("dev"), word.removeprefix("./")}
            assert any(part in story for part in said), shlex.join(words)


def test_every_script_of_the_laptop_s_page_is_run_by_a_test() -> None:
    files = [path for name in ("native", "engine") for path in (ROOT / "tests" / name).glob("*.py")]
    told = "".join(path.read_text(encoding="utf-8") for path in files)
    names = re.findall(r"`npm run (?:--silent )?([a-z:-]+)`", PAGES["out/local/README.md"])
    assert len(names) >= 8
    for name in names:
        kind = re.sub(r"^(migrate):(?!status|sql).*", r"\1:", name)
        assert re.search(rf"[\"' ]{kind}[\"'a-z{{]", told), name


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(path: str) -> None:
    text = re.sub(r"^```.*?^```$", "", PAGES[path], flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if target.startswith("http"):
            continue
        there = ((ROOT / path).parent / file).resolve() if file else ROOT / path
        assert there.exists(), f"{path}: {target}"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
            assert anchor in slugs, f"{path}: {target}"


def test_the_map_of_the_compiler_names_every_part_of_it() -> None:
    text = (ROOT / "compiler/README.md").read_text(encoding="utf-8")
    parts = [path for path in (ROOT / "compiler").iterdir() if not path.name.startswith("_")]
    names = {
        path.name if path.is_file() else f"{path.name}/"
        for path in parts
        if path.is_dir() or path.suffix == ".py"
    }
    assert len(names) > 12
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert [name for name in sorted(folders) if f"tests/{name}" not in text] == []
    for path in re.findall(r"`(tests/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path
