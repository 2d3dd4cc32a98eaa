"""The approvals of a pull request into production's branch, counted by whole runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compiler.project import gen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.workflows import act
    from tests.workflows.place import Place

pytestmark = pytest.mark.minutes

WORKFLOW = "elevaite-approve-production.yml"


def _review(commit: str, login: str = "grace") -> dict[str, object]:
    user = {"login": login, "type": "User"}
    more = {"submitted_at": "2026-01-01T00:00:00Z", "author_association": "MEMBER"}
    return {"user": user, "state": "APPROVED", "commit_id": commit, **more}


def _said(here: Place, run: act.Run) -> tuple[str, str]:
    """Return the state that was set on the head of the pull request, and its text."""
    assert (run.code, run.results) == (0, {"count": "success"}), run.log
    (status,) = here.recorded("statuses")
    assert status["commit"] == here.commit_of("change")
    assert status["context"] == "elevaite: approvals of production"
    return status["state"], status["description"]


def test_an_approval_counts_for_what_would_run(place: Callable[[str], Place]) -> None:
    here = place("approve")
    approved = here.commit("change")
    assert _said(here, here.review("main", WORKFLOW, [])) == ("pending", "0 of 1 approvals")
    own = _review(approved, "ada")
    assert _said(here, here.review("main", WORKFLOW, [own])) == ("pending", "0 of 1 approvals")
    reviews = [own, _review(approved)]
    (here.clone / "notes.txt").write_text("nothing that runs\n", encoding="utf-8")
    assert _said(here, here.review("main", WORKFLOW, reviews)) == ("success", "1 of 1 approvals")
    gen(here.clone, "image", "pin", f"auth-api=sha256:{'d' * 64}", "-e", "production")
    assert _said(here, here.review("main", WORKFLOW, reviews)) == ("pending", "0 of 1 approvals")


def test_a_pull_request_into_another_branch_is_not_counted(place: Callable[[str], Place]) -> None:
    here = place("elsewhere")
    run = here.review("develop", WORKFLOW, [])
    assert run.results == {"count": "skipped"}, run.log
    assert here.recorded("statuses") == []
