"""The starter spec: it compiles as it is, and with the examples that stand in it as comments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.compiler.project import edit, gen

DIGEST = f"sha256:{'0' * 64}"


def _uncomment(root: Path, *names: str) -> None:
    """Take away the `#` of the lines of the spec; a text for people has a space and a word after it."""
    for name in names:
        path = root / f"environments/{name}.yaml"
        text = path.read_text(encoding="utf-8")
        found = re.sub(r"^#(?=[a-z]|  )", "", text, flags=re.MULTILINE)
        assert found != text
        path.write_text(found, encoding="utf-8")


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    root = tmp_path / "my-shop"
    root.mkdir()
    gen(root, "init")
    gen(root)
    assert not (root / ".github").exists()
    return root


@pytest.mark.parametrize("names", [("staging",), ("production",), ("staging", "production")], ids="-".join)
def test_the_examples_compile_once_they_are_no_comments(starter: Path, names: tuple[str, ...]) -> None:
    _uncomment(starter, "platform", *names)
    gen(starter)
    gen(starter, "--check")
    workflows = {path.name for path in (starter / ".github/workflows").iterdir()}
    for name in names:
        assert (starter / f"out/{name}/chart/templates/migrations/job.yaml").exists()
        assert f"my-shop-deploy-{name}.yml" in workflows
    assert ("my-shop-approve-production.yml" in workflows) == ("production" in names)
    assert not any((starter / f"out/{name}/argocd").exists() for name in names)


def test_an_example_without_the_repository_says_what_is_missing(starter: Path) -> None:
    _uncomment(starter, "staging")
    assert "repository" in gen(starter, code=2).stderr


def test_what_the_comments_say_of_argocd_is_so(starter: Path) -> None:
    _uncomment(starter, "platform", "staging", "production")
    edit(starter / "environments/production.yaml", "  via: helm", "  via: argocd")
    gen(starter, code=2)
    gen(starter, "image", "pin", f"api={DIGEST}", "-e", "production")
    with (starter / "environments/staging.yaml").open("a", encoding="utf-8") as file:
        file.write("promote: {to: production}\n")
    gen(starter)
    gen(starter, "--check")
    assert (starter / "out/production/argocd/application.yaml").exists()
    text = (starter / ".github/workflows/my-shop-deploy-staging.yml").read_text(encoding="utf-8")
    assert "gen image pin" in text
