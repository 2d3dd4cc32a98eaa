"""Whatever shape an output has, it is judged: nothing that is missing or of another kind ends in an exception."""

from __future__ import annotations

import random

import pytest

from compiler.verify.verify import verify
from tests.verify.mutations.model import (
    APPLICATION,
    APPROVE,
    ARGO_DEPLOY,
    ARGO_JOB,
    CHECK,
    COMPOSE,
    DEPLOY,
    JOB,
    PROJECT,
    SERVICE,
    STAGING,
    Mutation,
)
from tests.verify.project import mutated, reference

FILES = (APPLICATION, APPROVE, ARGO_DEPLOY, ARGO_JOB, CHECK, COMPOSE, DEPLOY, JOB, PROJECT, SERVICE)
OTHERS = (STAGING + "plan.json", STAGING + "chart/values.schema.json", "out/production/chart/images.yaml")
VALUES = ("[]", "{}", "null", "7", "true", "[1]", "{a: b}", "''", "[[]]", "[null]", "[{}]", "{a: [1]}")
CHANGES = 25


@pytest.mark.parametrize("path", [*FILES, *OTHERS])
def test_values_of_any_kind_are_judged(path: str) -> None:
    text, chance = reference().files[path].text, random.Random(path)
    lines = text.split("\n")
    for _ in range(CHANGES):
        number = chance.randrange(len(lines) - 1)
        key, colon, _ = lines[number].partition(": ")
        line = f"{key}: {chance.choice(VALUES)}" if colon else ""
        changed = "\n".join([*lines[:number], line, *lines[number + 1 :]])
        if changed != text:
            verify(mutated(reference(), Mutation("", "", path, text, changed)))
