"""Images go by what they are built from: built once, found by whoever needs them, and never another one."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.github.workflow import EVERY_FIELD, REFERENCE, Machine, load

STAGING = load(REFERENCE / "elevaite-deploy-staging.yml")
LOOKUP = load(EVERY_FIELD / "shop-deploy-staging-eu.yml")
DIGEST = "sha256:" + "a" * 64
# As buildx prints it for `{{json .Manifest}}`. Asked for `{{.Manifest.Digest}}` it prints a table for people instead.
FOUND = json.dumps(
    {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "digest": DIGEST}
)
ASKED = re.escape("imagetools inspect --format {{json .Manifest}}")
FOLDERS = ("apps/orders", "apps/catalog", "apps/website", "apps/old_site", "python_apps/auth_api")


def _git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(machine: Machine) -> Machine:
    for folder in FOLDERS:
        (machine.checkout / folder).mkdir(parents=True)
        (machine.checkout / folder / "Dockerfile").write_text(
            f"FROM scratch\nLABEL at={folder}\n", encoding="utf-8"
        )
    _git(machine.checkout, "init", "--quiet", "--initial-branch=develop")
    _commit(machine)
    return machine


def _commit(machine: Machine) -> None:
    _git(machine.checkout, "add", "--all")
    _git(machine.checkout, "commit", "--quiet", "--allow-empty", "--message=change")


def _tag(machine: Machine) -> str:
    done = machine.run(STAGING, "build-auth-api", "Look for an image of the same inputs")
    assert done.code == 0, done.stderr
    return done.outputs["tag"]


def test_an_image_that_is_there_is_not_built_again(repository: Machine) -> None:
    repository.stand_in("docker", (ASKED, FOUND, 0))
    done = repository.run(STAGING, "build-auth-api", "Look for an image of the same inputs")
    assert done.outputs["digest"] == DIGEST
    (call,) = repository.calls("docker")
    assert call[-1] == f"ghcr.io/iopexses/elevaite/auth-api:{done.outputs['tag']}"
    build = next(s for s in STAGING["jobs"]["build-auth-api"]["steps"] if s["name"] == "Build and push")
    assert build["if"] == "${{ steps.earlier.outputs.digest == '' }}"


def test_an_image_that_is_not_there_is_built(repository: Machine) -> None:
    repository.stand_in("docker", (ASKED, "ERROR: not found", 1))
    done = repository.run(STAGING, "build-auth-api", "Look for an image of the same inputs")
    assert done.code == 0
    assert set(done.outputs) == {"tag"}


def test_the_tag_follows_the_folder_and_nothing_else(repository: Machine) -> None:
    repository.stand_in("docker", (ASKED, FOUND, 0))
    first = _tag(repository)
    assert first.startswith("in-")
    assert len(first) == 67
    (repository.checkout / "README.md").write_text("more\n", encoding="utf-8")
    _commit(repository)
    assert _tag(repository) == first
    (repository.checkout / "python_apps/auth_api/Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    assert _tag(repository) == first, "what is not committed is not built"
    _commit(repository)
    assert _tag(repository) != first


def test_a_folder_that_is_gone_fails(repository: Machine) -> None:
    _git(repository.checkout, "rm", "--quiet", "-r", "python_apps/auth_api")
    _commit(repository)
    repository.stand_in("docker", (ASKED, FOUND, 0))
    assert repository.run(STAGING, "build-auth-api", "Look for an image of the same inputs").code != 0


def test_who_builds_nothing_finds_what_the_same_inputs_gave(repository: Machine) -> None:
    repository.stand_in("docker", (ASKED, FOUND, 0))
    done = repository.run(LOOKUP, "images", "Find the digests")
    assert done.code == 0, done.stderr
    services = ("old-site", "orders", "catalog", "website")
    assert done.outputs["digests"].splitlines() == [f"{service}={DIGEST}" for service in services]
    asked = [call[-1] for call in repository.calls("docker")]
    # The very tag under which the other workflow builds this folder.
    script = next(s for s in STAGING["jobs"]["build-auth-api"]["steps"] if s.get("id") == "earlier")["run"]
    built = repository.bash(script, {"FOLDER": "apps/orders", "IMAGE": "mirror.example.com/acme/orders"}, {})
    assert f"mirror.example.com/acme/orders:{built.outputs['tag']}" in asked


def test_who_builds_nothing_says_what_is_missing(repository: Machine) -> None:
    repository.stand_in("docker", ("catalog", "ERROR: not found", 1), (ASKED, FOUND, 0))
    done = repository.run(LOOKUP, "images", "Find the digests")
    assert done.code == 1
    assert "digests" not in done.outputs
    assert done.outputs["reason"].startswith(
        "Nothing was built for catalog from apps/catalog as it is in this commit"
    )
    assert "Merge through the branch that builds" in done.outputs["reason"]
    assert "ERROR: not found" in done.stderr
