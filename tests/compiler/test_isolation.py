"""Two people change two environments on two branches: the merge is clean, and what it holds is in sync."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.compiler.project import copy_project, edit, gen, snapshot

ENVIRONMENTS = ("local", "production", "staging")
# What only one environment may change, besides its own folder below out/.
WORKFLOWS = ".github/workflows/elevaite"
SHARED = {
    "local": {"package.json", ".env.example"},
    "production": {f"{WORKFLOWS}-deploy-production.yml", f"{WORKFLOWS}-approve-production.yml"},
    "staging": {f"{WORKFLOWS}-deploy-staging.yml", f"{WORKFLOWS}-approve-staging.yml"},
}


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = copy_project(tmp_path)
    gen(folder)
    (folder / ".gitignore").write_text(".gen/\n", encoding="utf-8")
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message=start")
    return folder


def _add_tenant(folder: Path, environment: str, tenant: str) -> None:
    edit(folder / f"environments/{environment}.yaml", "iopex", f"iopex, {tenant}")


# Every leaf that an environment's file of the reference platform holds, and another value for it.
LEAVES = {
    "local": [("iopex", "new-in-local")],
    "production": [
        ("customer1", "new-in-production"),
        ("lock_timeout: 2s", "lock_timeout: 1s"),
        ("branch: main", "branch: stable"),
        ("upgrade: 1", "upgrade: 2"),
    ],
    "staging": [
        ("iopex", "new-in-staging"),
        ("branch: develop", "branch: next"),
        ("get: /api/health", "get: /"),
    ],
}
PAIRS = [
    (one, change, other, counterchange)
    for one, other in itertools.combinations(ENVIRONMENTS, 2)
    for change in LEAVES[one]
    for counterchange in LEAVES[other]
]
# What also changes the check of a pull request, which belongs to none of them.
DRIFT = ("lock_timeout: 2s", "lock_timeout: 2s, verify: drift")
PAIRS += [("production", DRIFT, other, LEAVES[other][0]) for other in ("local", "staging")]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1][1]}-{pair[2]}-{pair[3][1]}")
def test_two_branches_merge_and_are_in_sync(
    pair: tuple[str, tuple[str, str], str, tuple[str, str]], repository: Path
) -> None:
    for environment, (old, new) in (pair[:2], pair[2:]):
        _git(repository, "checkout", "--quiet", "-b", environment, "main")
        edit(repository / f"environments/{environment}.yaml", old, new)
        gen(repository)
        _git(repository, "commit", "--quiet", "--all", "--message", environment)
    _git(repository, "merge", "--quiet", "--no-edit", pair[0])
    gen(repository, "--check")
    assert _git(repository, "status", "--porcelain") == ""


def test_the_one_exception_is_the_policy_which_compares_environments(repository: Path) -> None:
    _git(repository, "checkout", "--quiet", "-b", "stricter-staging", "main")
    staging = repository / "environments/staging.yaml"
    staging.write_text(
        staging.read_text(encoding="utf-8") + "migrations: {lock_timeout: 2s}\n", encoding="utf-8"
    )
    gen(repository)
    _git(repository, "commit", "--quiet", "--all", "--message", "staging")
    _git(repository, "checkout", "--quiet", "-b", "looser-production", "main")
    edit(repository / "environments/production.yaml", "lock_timeout: 2s", "lock_timeout: 3s")
    gen(repository)
    _git(repository, "commit", "--quiet", "--all", "--message", "production")
    _git(repository, "merge", "--quiet", "--no-edit", "stricter-staging")
    assert "error[looser-policy]" in gen(repository, "--check", code=2).stderr


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_changes_its_own_outputs_only(environment: str, repository: Path) -> None:
    before = snapshot(repository)
    _add_tenant(repository, environment, "one-more")
    edit(
        repository / f"environments/{environment}.yaml",
        "\ntenants",
        "\nservices: {auth-api: {port: 8100}}\ntenants",
    )
    gen(repository)
    after = snapshot(repository)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    changed -= {f"environments/{environment}.yaml"}
    assert changed
    assert {path for path in changed if not path.startswith(f"out/{environment}/")} <= SHARED[environment]


def test_a_comparison_with_the_snapshot_changes_the_check_of_a_pull_request_too(repository: Path) -> None:
    before = snapshot(repository)
    edit(repository / "environments/production.yaml", *DRIFT)
    gen(repository)
    after = snapshot(repository)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    others = {path for path in changed if not path.startswith("out/production/")}
    assert f"{WORKFLOWS}-pull-request.yml" in others
    assert others - SHARED["production"] == {
        "environments/production.yaml",
        f"{WORKFLOWS}-pull-request.yml",
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_adding_a_tenant_and_removing_it_gives_the_same_bytes(environment: str, repository: Path) -> None:
    before = snapshot(repository)
    _add_tenant(repository, environment, "guest")
    gen(repository)
    assert snapshot(repository) != before
    edit(repository / f"environments/{environment}.yaml", ", guest", "")
    gen(repository)
    assert snapshot(repository) == before


def test_a_new_revision_changes_no_byte_of_any_output(repository: Path) -> None:
    before = snapshot(repository)
    versions = repository / "python_apps/auth_api/migrations/versions"
    versions.mkdir(parents=True)
    (versions / "0123456789ab_add_user_avatar.py").write_text("revision = '0123456789ab'\n", encoding="utf-8")
    gen(repository, "--check")
    shutil.rmtree(versions.parent)
    assert snapshot(repository) == before


def test_an_environment_that_is_gone_takes_its_outputs_along(repository: Path) -> None:
    (repository / "environments/staging.yaml").unlink()
    gen(repository)
    assert not (repository / "out/staging").exists()
    assert (repository / "out/production/plan.json").exists()


def test_without_a_local_environment_no_script_stays_behind(repository: Path) -> None:
    (repository / "environments/local.yaml").unlink()
    gen(repository)
    assert not (repository / "out/local").exists()
    assert not (repository / ".env.example").exists()
    assert "gen" not in (repository / "package.json").read_text(encoding="utf-8")
