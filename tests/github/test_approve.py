"""Approvals: of people, of the effect and not of the commit, and as many as the policy asks for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.github.workflow import EVERY_FIELD, REFERENCE, Machine, load

TWO = load(EVERY_FIELD / "shop-approve-production-eu.yml")
HELM = load(EVERY_FIELD / "shop-approve-staging-eu.yml")
OUT = "out/production-eu/plan.json"


def _git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _commit(machine: Machine, path: str, text: str) -> str:
    (machine.checkout / path).parent.mkdir(parents=True, exist_ok=True)
    (machine.checkout / path).write_text(text, encoding="utf-8")
    _git(machine.checkout, "add", "--all")
    _git(machine.checkout, "commit", "--quiet", "--message=change")
    return _git(machine.checkout, "rev-parse", "HEAD")


@pytest.fixture
def repository(machine: Machine) -> Machine:
    _git(machine.checkout, "init", "--quiet")
    for folder in ("orders", "catalog", "website", "old_site"):
        _commit(machine, f"apps/{folder}/app.py", "1\n")
    _commit(machine, "out/staging-eu/plan.json", "{}\n")
    return machine


def _review(login: str, commit: str, state: str = "APPROVED", **more: object) -> dict:
    return {
        "user": {"login": login, "type": "User"},
        "state": state,
        "commit_id": commit,
        "submitted_at": "2026-01-01T00:00:00Z",
        "author_association": "MEMBER",
        **more,
    }


def _status(machine: Machine, head: str, *reviews: dict, workflow=TWO) -> tuple[str, str]:
    machine.stand_in("gh", ("/reviews", "\n".join(map(json.dumps, reviews)), 0), ("/statuses/", "", 0))
    values = {
        "github.event.pull_request.user.login": "author",
        "github.event.pull_request.head.sha": head,
        "github.event.pull_request.number": "7",
        "github.server_url": "https://github.com",
        "github.repository": "acme/shop",
        "github.run_id": "1",
        "github.token": "token",
    }
    done = machine.run(workflow, "count", "Count who approved what would run", values)
    assert done.code == 0, done.stderr
    call = machine.calls("gh")[-1]
    assert f"repos/iopexses/elevaite/statuses/{head}" in call
    fields = dict(word.split("=", 1) for word in call if "=" in word)
    assert fields["context"].startswith("shop: approvals of ")
    return fields["state"], fields["description"]


def test_two_people_are_two(repository: Machine) -> None:
    head = _commit(repository, OUT, "1\n")
    one, two = _review("ann", head), _review("bob", head)
    assert _status(repository, head) == ("pending", "0 of 2 approvals")
    assert _status(repository, head, one) == ("pending", "1 of 2 approvals")
    assert _status(repository, head, one, one) == ("pending", "1 of 2 approvals")
    assert _status(repository, head, one, two) == ("success", "2 of 2 approvals")


@pytest.mark.parametrize(
    "other",
    [
        {"user": {"login": "author", "type": "User"}},
        {"user": {"login": "app", "type": "Bot"}},
        {"user": None},
        {"author_association": "CONTRIBUTOR"},
        {"state": "COMMENTED"},
    ],
    ids=str,
)
def test_who_does_not_count(other: dict, repository: Machine) -> None:
    head = _commit(repository, OUT, "1\n")
    reviews = (_review("ann", head), {**_review("bob", head), **other})
    assert _status(repository, head, *reviews) == ("pending", "1 of 2 approvals")


@pytest.mark.parametrize("state", ["CHANGES_REQUESTED", "DISMISSED"])
def test_the_last_word_of_a_person_counts_and_a_comment_is_none(state: str, repository: Machine) -> None:
    head = _commit(repository, OUT, "1\n")
    later = _review("ann", head, state, submitted_at="2026-01-02T00:00:00Z")
    comment = _review("bob", head, "COMMENTED", submitted_at="2026-01-02T00:00:00Z")
    reviews = (_review("ann", head), _review("bob", head), later, comment)
    assert _status(repository, head, *reviews) == ("pending", "1 of 2 approvals")


def test_an_approval_lasts_as_long_as_the_same_would_run(repository: Machine) -> None:
    approved = _commit(repository, OUT, "1\n")
    reviews = (_review("ann", approved), _review("bob", approved))
    same = _commit(repository, "README.md", "more\n")
    assert _status(repository, same, *reviews)[0] == "success"
    other = _commit(repository, OUT, "2\n")
    assert _status(repository, other, *reviews) == ("pending", "0 of 2 approvals")
    back = _commit(repository, OUT, "1\n")
    assert _status(repository, back, *reviews)[0] == "success"


def test_where_helm_deploys_the_code_is_part_of_what_would_run(repository: Machine) -> None:
    approved = _commit(repository, "README.md", "1\n")
    review = _review("ann", approved)
    assert _status(repository, approved, review, workflow=HELM) == ("success", "1 of 1 approvals")
    code = _commit(repository, "apps/orders/app.py", "2\n")
    assert _status(repository, code, review, workflow=HELM) == ("pending", "0 of 1 approvals")


def test_a_commit_that_is_gone_approves_nothing(repository: Machine) -> None:
    head = _commit(repository, OUT, "1\n")
    assert _status(repository, head, _review("ann", "1" * 40))[0] == "pending"


def test_only_environments_that_ask_for_approvals_have_the_workflow() -> None:
    assert (REFERENCE / "elevaite-approve-production.yml").exists()
    assert not (REFERENCE / "elevaite-approve-staging.yml").exists()
    assert TWO["on"]["pull_request"] == {"branches": ["release/eu"]}
    assert TWO["jobs"]["count"]["if"] == "${{ github.event.pull_request.base.ref == 'release/eu' }}"
