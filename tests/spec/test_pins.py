"""The digests of an environment's images: a file of its own, which only Argo CD's environments have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from compiler.spec.load import load
from compiler.spec.merge import merge
from tests.spec.project import DIGEST, LOCAL, PINS, PLATFORM, PRODUCTION, STAGING, mistakes, project, said
from tests.spec.test_names import HOSTILE, UNSEEN

if TYPE_CHECKING:
    from pathlib import Path

FILE = "production.images"


def pinned(folder: Path, pins: str | bytes | None = PINS, production: str = PRODUCTION, **more: str) -> Path:
    """Lay production, which Argo CD deploys, into `folder`, with the text of its pins where there is one."""
    files: dict[str, str | bytes] = {"production": production, **more}
    return project(folder, **files, **({} if pins is None else {FILE: pins}))


def test_pins_are_read_into_their_environment_with_their_places(tmp_path: Path) -> None:
    spec, diagnostics, _ = load(pinned(tmp_path, "# who: ci\napi: " + DIGEST + "\n\nworker: " + DIGEST))
    assert diagnostics == []
    assert spec is not None
    local, production = spec.environments
    assert local.model.images == {}
    assert production.model.images == {"api": DIGEST, "worker": DIGEST}
    assert str(production.place("images", "worker")) == "environments/production.images.yaml:4:9"
    assert str(production.key_place("images", "api")) == "environments/production.images.yaml:2:1"


PINNED: dict[str, tuple[str | None, list[str]]] = {
    "none": (None, ["production.yaml:5:8 missing-pin"]),
    "an empty map": ("{}\n", ["production.yaml:5:8 missing-pin"]),
    "one of two": (f"api: {DIGEST}\n", ["production.yaml:5:8 missing-pin"]),
    "a misspelt one": (f"api: {DIGEST}\nworkr: {DIGEST}\n", ["production.images.yaml:2:1 unknown-service"]),
    "one too many": (f"{PINS}billing: {DIGEST}\n", ["production.images.yaml:3:1 unknown-service"]),
    "one twice": (f"{PINS}api: {DIGEST}\n", ["production.images.yaml:3:1 duplicate-key"]),
    "an empty file": ("", ["production.images.yaml wrong-type"]),
    "a comment": ("# nothing yet\n", ["production.images.yaml wrong-type"]),
    "a list": (f"- api: {DIGEST}\n", ["production.images.yaml wrong-type"]),
    "text": (f"{DIGEST}\n", ["production.images.yaml wrong-type"]),
    "no YAML": ("api: [\n", ["production.images.yaml:2:1 yaml-syntax"]),
    "two documents": (f"{PINS}---\n{PINS}", ["production.images.yaml:3:1 yaml-documents"]),
    "a tag": (f"api: latest\nworker: {DIGEST}\n", ["production.images.yaml:1:6 invalid-digest"]),
    "a whole reference": (
        f"api: ghcr.io/acme/api@{DIGEST}\nworker: {DIGEST}\n",
        ["production.images.yaml:1:6 invalid-digest"],
    ),
    "upper case": (
        f"api: {DIGEST.upper()}\nworker: {DIGEST}\n",
        ["production.images.yaml:1:6 invalid-digest"],
    ),
    "another algorithm": (
        f"api: sha512:{'ab' * 64}\nworker: {DIGEST}\n",
        ["production.images.yaml:1:6 invalid-digest"],
    ),
    "too short": (f"api: {DIGEST[:-1]}\nworker: {DIGEST}\n", ["production.images.yaml:1:6 invalid-digest"]),
    "nothing": (f"api:\nworker: {DIGEST}\n", ["production.images.yaml:1:5 empty-value"]),
    "a list of digests": (f"api: [{DIGEST}]\nworker: {DIGEST}\n", ["production.images.yaml:1:6 wrong-type"]),
    "a number": (f"api: 5\nworker: {DIGEST}\n", ["production.images.yaml:1:6 wrong-type"]),
    "a key of the spec": (
        f"{PINS}images: {{api: {DIGEST}}}\n",
        ["production.images.yaml:3:1 unknown-service", "production.images.yaml:3:9 wrong-type"],
    ),
    "an anchor": (
        f"api: &a {DIGEST}\nworker: *a\n",
        ["production.images.yaml:1:6 yaml-anchor", "production.images.yaml:2:9 yaml-anchor"],
    ),
}


@pytest.mark.parametrize(("pins", "expected"), PINNED.values(), ids=PINNED)
def test_pins(tmp_path: Path, pins: str | None, expected: list[str]) -> None:
    assert mistakes(pinned(tmp_path, pins)) == expected


def test_a_missing_pin_says_how_to_pin_it(tmp_path: Path) -> None:
    assert "gen image pin api=sha256:... worker=sha256:... -e production" in said(pinned(tmp_path, None))


def test_a_service_that_is_switched_off_needs_no_pin_and_may_keep_it(tmp_path: Path) -> None:
    production = PRODUCTION + "services: {worker: {enabled: false}}\n"
    assert mistakes(pinned(tmp_path / "without", f"api: {DIGEST}\n", production)) == []
    assert mistakes(pinned(tmp_path / "with", PINS, production)) == []


@pytest.mark.parametrize("name", [*HOSTILE, *UNSEEN], ids=ascii)
def test_hostile_names_of_services(tmp_path: Path, name: str) -> None:
    folder = pinned(tmp_path, f"{PINS}{json.dumps(name)}: {DIGEST}\n")
    found = [one.split() for one in mistakes(folder)]
    assert found
    assert all(place.startswith("production.images.yaml:3:") for place, _ in found)


@pytest.mark.parametrize("name", ["token", "api-key", "password", "db-secret", "registry", "tool", "images"])
def test_a_service_may_be_called_like_a_secret_or_a_key_of_the_spec(tmp_path: Path, name: str) -> None:
    platform = PLATFORM.replace("  worker:", f"  {name}:")
    pins = f"api: {DIGEST}\n{name}: {DIGEST}\n"
    assert mistakes(pinned(tmp_path, pins, platform=platform)) == []
    assert mistakes(pinned(tmp_path, pins.replace(f"{name}: sha256:", f"{name}: sha1:"), platform=platform))


WHERE = {
    "Helm deploys": ("staging", STAGING, ["staging.images.yaml unused-key"]),
    "nothing is deployed": (
        "staging",
        "environment: staging\ntenants: [default]\n",
        ["staging.images.yaml unused-key"],
    ),
    "no environment is": ("qa", None, ["qa.images.yaml unknown-environment"]),
    "the environment cannot be read": ("qa", "tenants: [\n", ["qa.yaml:2:1 yaml-syntax"]),
    "the way of deploying is none": (
        "staging",
        STAGING.replace("helm", "hlm"),
        ["staging.yaml:5:8 not-allowed"],
    ),
    "a laptop is": ("local", LOCAL, ["local.images.yaml unused-key"]),
    "all is shared": ("platform", PLATFORM, ["platform.images.yaml unknown-environment"]),
}


@pytest.mark.parametrize(("name", "text", "expected"), WHERE.values(), ids=WHERE)
def test_pins_where(tmp_path: Path, name: str, text: str | None, expected: list[str]) -> None:
    files = {f"{name}.images": PINS} if text is None else {f"{name}.images": PINS, name: text}
    assert mistakes(project(tmp_path, **files)) == expected


def test_a_name_that_is_no_environments(tmp_path: Path) -> None:
    folder = project(tmp_path, **{"Production.images": PINS, "a.b.images": PINS})
    (folder / "environments" / "production.images.yml").write_text(PINS)
    assert mistakes(folder) == [
        "Production.images.yaml file-name",
        "a.b.images.yaml file-name",
        "production.images.yml file-name",
    ]


def test_pins_alone_are_no_environment(tmp_path: Path) -> None:
    folder = pinned(tmp_path)
    for name in ("local", "production"):
        (folder / "environments" / f"{name}.yaml").unlink()
    assert "environments no-environments" in [one.removeprefix("environments/") for one in mistakes(folder)]


def test_pins_in_the_wrong_file(tmp_path: Path) -> None:
    images = f"images: {{api: {DIGEST}}}\n"
    assert mistakes(pinned(tmp_path / "own", None, PRODUCTION + images)) == ["production.yaml:8:1 wrong-file"]
    folder = pinned(tmp_path / "shared", platform=PLATFORM + images)
    assert mistakes(folder) == ["platform.yaml:23:1 wrong-file"]


def test_a_broken_platform_hides_no_mistake_of_the_pins(tmp_path: Path) -> None:
    assert mistakes(pinned(tmp_path, "api: latest\n", platform="platform: [\n")) == [
        "platform.yaml:2:1 yaml-syntax",
        "production.images.yaml:1:6 invalid-digest",
    ]


@pytest.mark.parametrize("services", ["services: [api]\n", "services:\n", ""])
def test_without_services_no_pin_is_unknown(tmp_path: Path, services: str) -> None:
    platform = PLATFORM.split("services:\n")[0] + services + "repository: https://github.com/acme/shop\n"
    found = mistakes(pinned(tmp_path, platform=platform))
    assert found
    assert not any("images" in one for one in found)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    plain = load(pinned(tmp_path / "plain"))
    windows = load(pinned(tmp_path / "windows", "\ufeff" + PINS.replace("\n", "\r\n")))
    assert plain[0] is not None
    assert plain == windows


def test_merging_leaves_pins_where_they_are(tmp_path: Path) -> None:
    spec, _, _ = load(pinned(tmp_path))
    assert spec is not None
    tree = spec.environments[1].tree
    assert merge(tree, tree).plain() == tree.plain()
