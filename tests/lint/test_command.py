"""`gen lint` as a user runs it: exit codes, formats, what is judged, what is said."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from compiler import cli
from genlint import run
from genlint.tools.model import Tools
from tests.compiler.project import ROOT, copy_project, edit, gen

LOOSER = """
migrations: {lock_timeout: 5s}
exceptions:
  - {field: migrations.lock_timeout, reason: a table that is always busy, until: "%s"}
"""


@pytest.fixture(scope="module")
def home(tools: Tools) -> dict[str, str]:
    """The variables with which a process finds the linters that are built already."""
    folder = tools.programs["helm"].parents[3]
    return {"XDG_CACHE_HOME": str(folder)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


def _set_exception(project: Path, until: str) -> None:
    path = project / "environments/production.yaml"
    edit(path, "\nmigrations: {lock_timeout: 2s}", LOOSER.rstrip() % until)


def test_the_reference_platform_has_no_findings(home: dict[str, str]) -> None:
    done = gen(ROOT, "lint", **home)
    assert done.stderr.startswith("0 findings: helm 4.3.1 (2 charts), kubeconform 0.7.0 (")
    assert done.stdout == ""
    for tool in ("yamllint", "compose", "actionlint", "shellcheck", "zizmor"):
        assert f"{tool} " in done.stderr


def test_what_is_compiled_is_judged_not_what_lies_there(project: Path, home: dict[str, str]) -> None:
    gen(project)
    (project / "out/production/chart/values.yaml").write_text("images: 5\n", encoding="utf-8")
    done = gen(project, "lint", **home)
    assert "out/ is not what environments/ compile to" in done.stderr
    assert "0 findings" in done.stderr


def test_a_spec_with_mistakes_is_refused(project: Path) -> None:
    edit(project / "environments/staging.yaml", "tenants:", "tennants:")
    done = gen(project, "lint", code=2)
    assert "error[unknown-key]" in done.stderr
    assert "findings" not in done.stderr


def test_an_exception_that_has_run_out_is_a_finding(project: Path, home: dict[str, str]) -> None:
    today = datetime.now(timezone.utc).date()
    _set_exception(project, (today - timedelta(days=1)).isoformat())
    gen(project)
    gen(project, "--check")
    text = (project / "environments/production.yaml").read_text(encoding="utf-8")
    line, row = next((n, row) for n, row in enumerate(text.split("\n"), 1) if "until" in row)
    place = f"environments/production.yaml:{line}:{row.index('until') + len('until: ') + 1}"

    done = gen(project, "--format", "concise", "lint", code=3, **home)
    assert f"{place}: error[expired-exception]" in done.stderr
    assert "1 finding: helm" in done.stderr
    shown = json.loads(gen(project, "--format", "json", "lint", code=3, **home).stdout)
    assert [(one["code"], one["line"]) for one in shown] == [("expired-exception", line)]
    assert (
        f"::error file=environments/production.yaml,line={line},"
        in gen(project, "--format", "github", "lint", code=3, **home).stdout
    )


def test_an_exception_holds_on_its_last_day(project: Path, home: dict[str, str]) -> None:
    _set_exception(project, (datetime.now(timezone.utc).date() + timedelta(days=1)).isoformat())
    assert "0 findings" in gen(project, "lint", **home).stderr


def test_a_strangers_file_in_a_chart_is_a_finding(project: Path, home: dict[str, str]) -> None:
    gen(project)
    for name in (".argocd-source.yaml", "templates/mine.yaml"):
        (project / "out/production/chart" / name).write_text("kind: Secret\n", encoding="utf-8")
    done = gen(project, "--format", "concise", "lint", code=3, **home)
    for name in (".argocd-source.yaml", "templates/mine.yaml"):
        assert f"out/production/chart/{name}: error[unknown-file]" in done.stderr


def test_it_can_be_interrupted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(project)
    monkeypatch.setattr(run, "find_tools", interrupt)
    assert cli.main(["lint"]) == cli.INTERRUPTED


def test_outside_of_a_project(tmp_path: Path) -> None:
    assert "no-environments" in gen(tmp_path, "lint", code=2).stderr


def test_nothing_is_left_behind(
    project: Path, home: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("temporary")
    before = sorted(project.rglob("*"))
    gen(project, "lint", TMPDIR=str(folder), **home)
    assert sorted(project.rglob("*")) == before
    assert list(folder.iterdir()) == []


def test_a_tool_that_breaks_is_an_error(
    project: Path, tools: Tools, tmp_path: Path, home: dict[str, str]
) -> None:
    cache = tmp_path / "cache"
    built = tools.programs["helm"].parent
    shutil.copytree(built, cache / "tenantship/tools" / built.name)
    broken = cache / "tenantship/tools" / built.name / "kubeconform"
    broken.write_text("#!/bin/sh\necho nonsense\n", encoding="utf-8")
    done = gen(project, "lint", code=2, XDG_CACHE_HOME=str(cache))
    assert "error[failed-tool] kubeconform did not do its work: nonsense" in done.stderr
    assert "findings" not in done.stderr
