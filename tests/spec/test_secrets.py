"""A secret typed into the spec is refused, and shown nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.spec.project import LOCAL, codes, project, said

if TYPE_CHECKING:
    from pathlib import Path

# Put together from parts, so that no scanner of this repository takes them for real.
SECRETS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_" + "11ABCDEFG0abcdefghijkl",
    "glpat-" + "abcdefghij0123456789",
    "xoxb-" + "123456789012-abcdefghijkl",
    "https://hooks.slack.com/" + "services/T000/B000/XXXXXXXX",
    "sk_live_" + "abcdefghijklmnop",
    "sk-" + "proj-abcdefghijklmnopqrstuv",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "postgresql://shop:" + "hunter2@db:5432/shop",
    "redis://:" + "hunter2@cache",
    "host=db user=shop password=" + "hunter2",
    "--token=" + "hunter2",
    "3f9c2ab07de14b58" + "a6c0d9e1f47b8a25",
    "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY",
    "Zm9vYmFyYmF6cXV4" + "MTIzNDU2Nzg5MEFCQ0RFRkdISktM",
]
# Names under which any value is one.
NAMES = [
    "MAIL_PASSWORD",
    "API_TOKEN",
    "CLIENT_SECRET",
    "SIGNING_KEY",
    "DB_PASSWD",
    "APIKEY",
    "AWS_CREDENTIALS",
]
HARMLESS = {
    "IMAGE": "worker@sha256:95206741a5b214807675e14165369d05b93a9cf692223b616d07cca227e74b0b",
    "GIT_SHA": "579d07f4e6b1e1a0c1f7a3b2d4c5e6f708192a3b",
    "REQUEST_ID": "123e4567-e89b-12d3-a456-426614174000",
    "CACHE_URL": "redis://cache:6379/0",
    "HOME_PAGE": "https://example.com/a/very/long/path/that/goes/on/and/on?and=on",
    "SERVICE_NAME": "elevaite-workflow-engine-production-eu-central-1.example.svc.cluster.local",
    "KEYBOARD": "qwertz",
    "TOKENIZER": "cl100k_base",
    "PUBLIC_KEY": "ssh-ed25519",
    "SECRETARY": "anna",
    "CLASS_PATH": "com.example.shop.SomeVeryLongClassNameWithManyWordsFactoryBean",
    "ALPHABET": "abcdefghijklmnopqrstuvwxyz",
}


def _env(name: str, value: str) -> str:
    return f"{LOCAL}services:\n  api:\n    env: {{LOG_LEVEL: info, {name}: {json.dumps(value)}, LAST: x}}\n"


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
@pytest.mark.parametrize("style", ["plain", "unknown", "word", "key", "secrets", "broken", "twice", "path"])
def test_a_secret_is_refused_and_never_shown(tmp_path: Path, secret: str, style: str) -> None:
    quoted = json.dumps(secret)
    text = {
        "plain": _env("SOME_VALUE", secret),
        "unknown": f"{LOCAL}password: {quoted}\n",
        "word": f"{LOCAL}services: {{api: {{dev: [python, {quoted}]}}}}\n",
        "key": f"{LOCAL}? {quoted}\n: true\n",
        "secrets": f"{LOCAL}services: {{api: {{secrets: [{quoted}, {quoted}]}}}}\n",
        "broken": f"{LOCAL}services:\n  api:\n    env:\n      MAIL_PASSWORD: {quoted}\n     x: [\n",
        "twice": f"environment: local\ntenants: [{quoted}, {quoted}]\n",
        "path": f"{LOCAL}services: {{api: {{health: {quoted}, database: {quoted}, port: {quoted}}}}}\n",
    }[style]
    folder = project(tmp_path, text)
    if style not in {"secrets", "broken"}:
        assert "secret-value" in codes(folder)
    words = said(folder)
    assert words.strip(), "refused"
    for piece in (secret, secret[:12], secret[-12:], "hunter2"):
        assert piece not in words or piece in {"redis://:hun"}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_says_that_its_value_is_a_secret(tmp_path: Path, name: str) -> None:
    folder = project(tmp_path, _env(name, "correct horse"))
    assert codes(folder) == {"secret-value"}
    assert "correct" not in said(folder)
    assert codes(project(tmp_path, _env(name, ""))) == set()


def test_a_number_under_such_a_name_is_not_shown_either(tmp_path: Path) -> None:
    folder = project(tmp_path, f"{LOCAL}services: {{api: {{env: {{MAIL_PASSWORD: 271828182}}}}}}\n")
    assert codes(folder) == {"secret-value"}
    assert "271828182" not in said(folder)


def test_a_secret_of_several_lines_is_not_shown(tmp_path: Path) -> None:
    text = f"{LOCAL}services:\n  api:\n    env:\n      MAIL_PASSWORD: |\n        correct\n        horse\n    prt: 1\n"
    folder = project(tmp_path, text)
    assert {"secret-value", "unknown-key"} <= codes(folder)
    assert not any(word in said(folder) for word in ("correct", "horse"))


def test_its_length_is_not_shown_either(tmp_path: Path) -> None:
    def of_length(length: int, text: str) -> str:
        return said(project(tmp_path, text.replace("SECRET", "x" * length)))

    for text in (_env("MAIL_PASSWORD", "SECRET"), f"{LOCAL}services: {{api: {{secrets: [SECRET]}}}}\n"):
        assert of_length(7, text) == of_length(19, text)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_secret_passes(tmp_path: Path, name: str) -> None:
    assert codes(project(tmp_path, _env(name, HARMLESS[name]))) == set()
