"""`gen lint` as a user runs it: exit codes, formats, what is judged, what is said."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from compiler import cli
from compiler.spec.load import load
from genlint import expiry, run
from genlint.tools.model import Tools
from tests.compiler.project import ROOT, copy_project, edit, gen

LOOSER = """
migrations: {lock_timeout: 5s}
exceptions:
  - {field: migrations.lock_timeout, allow: 5s, reason: a table that is always busy, until: "%s"}
"""


@pytest.fixture(scope="module")
def home(tools: Tools) -> dict[str, str]:
    """The variables with which a process finds the linters that are built already."""
    folder = tools.programs["helm"].parents[3]
    return {"XDG_CACHE_HOME": str(folder)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


def _set_exception(project: Path, until: str) -> str:
    """Write an exception into the spec and return the place of its last day."""
    path = project / "environments/production.yaml"
    edit(path, "\nmigrations: {lock_timeout: 2s}", LOOSER.rstrip() % until)
    text = path.read_text(encoding="utf-8")
    line, row = next((n, row) for n, row in enumerate(text.split("\n"), 1) if "until: " in row)
    return f"environments/production.yaml:{line}:{row.index('until: ') + len('until: ') + 1}"


def test_the_reference_platform_has_no_findings(home: dict[str, str], tmp_path: Path) -> None:
    before = sorted(
        path for folder in (".github", "environments", "out") for path in (ROOT / folder).rglob("*")
    )
    done = gen(ROOT, "lint", TMPDIR=str(tmp_path), **home)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("0 findings: helm 4.3.1 (2 charts), kubeconform 0.7.0 (")
    assert [
        tool for tool in ("yamllint", "compose", "actionlint", "shellcheck", "zizmor") if tool not in line
    ] == []
    assert "(0 " not in line
    # It writes nothing, and leaves nothing behind.
    assert before == sorted(
        path for folder in (".github", "environments", "out") for path in (ROOT / folder).rglob("*")
    )
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize(("hours", "found"), [(-1, 0), (23, 0), (25, 1)])
def test_an_exception_holds_through_its_last_day(project: Path, hours: int, found: int) -> None:
    _set_exception(project, "2026-06-30")
    spec, diagnostics, _ = load(project)
    assert spec is not None, diagnostics
    now = datetime(2026, 6, 30, tzinfo=timezone.utc) + timedelta(hours=hours)
    # The same moment on a clock in Tokyo.
    assert len(expiry.check(spec, now.astimezone(timezone(timedelta(hours=9))))) == found


def test_findings_that_no_tool_makes(project: Path, home: dict[str, str]) -> None:
    place = _set_exception(project, "2020-06-30")
    gen(project)
    strangers = [f"out/production/chart/{name}" for name in (".argocd-source.yaml", "templates/mine.yaml")]
    for path in strangers:
        (project / path).write_text("kind: Secret\n", encoding="utf-8")
    done = gen(project, "--format", "concise", "lint", code=3, **home)
    assert f"{place}: error[expired-exception]" in done.stderr
    for path in strangers:
        assert f"{path}: error[foreign-in-chart]" in done.stderr
    assert "3 findings: helm" in done.stderr
    shown = json.loads(gen(project, "--format", "json", "lint", code=3, **home).stdout)
    assert [one["code"] for one in shown if one["severity"] == "error"] == [
        "expired-exception",
        "foreign-in-chart",
        "foreign-in-chart",
    ]


def test_it_can_be_interrupted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(project)
    monkeypatch.setattr(run, "find_tools", interrupt)
    assert cli.main(["lint"]) == cli.INTERRUPTED


def test_outside_of_a_project(tmp_path: Path) -> None:
    assert "no-environments" in gen(tmp_path, "lint", code=2).stderr


def test_a_tool_that_breaks_is_an_error(tools: Tools, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    built = tools.programs["helm"].parent
    shutil.copytree(built, cache / "tenantship/tools" / built.name)
    broken = cache / "tenantship/tools" / built.name / "kubeconform"
    broken.write_text("#!/bin/sh\necho nonsense\n", encoding="utf-8")
    done = gen(ROOT, "lint", code=2, XDG_CACHE_HOME=str(cache))
    assert "error[failed-tool] kubeconform did not do its work: nonsense" in done.stderr
    assert "findings" not in done.stderr
