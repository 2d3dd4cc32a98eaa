"""A finding stands at the value of the spec that the broken line of the output comes from, and names that line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from compiler.verify.verify import verify
from tests.compiler.project import ROOT
from tests.verify.mutations.model import (
    APPLICATION,
    ARGO_DEPLOY,
    COMPOSE,
    DEPLOY,
    JOB,
    PACKAGE,
    PROJECT,
    SERVICE,
    STAGING,
    Mutation,
)
from tests.verify.project import mutated, reference

SCHEMA, PLAN = STAGING + "chart/values.schema.json", "out/local/plan.json"
WEBHOOK = "https://hooks.slack.com/services/T/B/x"


@dataclass(frozen=True)
class Leaf:
    """A change of an output, and what the finding marks: the value `leaf` behind `before` in a file of the spec."""

    output: str
    old: str
    new: str
    file: str
    before: str
    leaf: str


LEAVES = {
    "branch": Leaf(DEPLOY, '"develop"', '"devlop"', "staging", "branch: ", "develop"),
    "revision": Leaf(APPLICATION, '"main"', '"HEAD"', "production", "branch: ", "main"),
    "repository": Leaf(PROJECT, '"https', '"http', "platform", "repository: ", "https://github.com/"),
    "server": Leaf(
        PROJECT, 'namespace: "production"', 'namespace: "x"', "production", "namespace: ", "production"
    ),
    "namespace": Leaf(SERVICE, '"staging"', '"other"', "staging", "namespace: ", "staging"),
    "port": Leaf(COMPOSE, '"127.0.0.1:8004', '"8004', "platform", "port: ", "8004"),
    "image": Leaf(COMPOSE, "@sha256:95", "@sha256:x", "platform", "image: ", "postgres:16@sha256:95"),
    "mount": Leaf(COMPOSE, "auth_api:/app:ro", "auth_api:/app", "platform", "path: ", "python_apps/auth_api"),
    "tool": Leaf(PACKAGE, "dev up --docker", "dev up; id", "platform", "tool: ", "bin/gen"),
    "URL": Leaf(JOB, 'name: "AUTH_DATABASE_URL"', 'name: "X"', "platform", "url_env: ", "AUTH_DATABASE_URL"),
    "tenant": Leaf(PLAN, '"toshiba"', '"default"', "local", "[default, ", "toshiba"),
    "cluster": Leaf(
        DEPLOY, "secrets.STAGING_KUBECONFIG", "toJSON(secrets)", "staging", "kubeconfig: ", "STAGING_"
    ),
    "webhook": Leaf(
        ARGO_DEPLOY, "${{ secrets.SLACK_WEBHOOK_URL }}", WEBHOOK, "platform", "secret: ", "SLACK_"
    ),
    "service": Leaf(SCHEMA, '"^sha256:[0-9a-f]{64}$"', '"x"', "platform", "  ", "auth-api"),
}


@pytest.mark.parametrize("name", LEAVES)
def test_place_is_the_leaf(name: str) -> None:
    leaf = LEAVES[name]
    tree = mutated(reference(), Mutation("", name, leaf.output, leaf.old, leaf.new))
    (diagnostic,) = verify(tree)
    place, note = diagnostic.place, diagnostic.notes[0]
    line = (ROOT / place.file).read_text(encoding="utf-8").split("\n")[place.line - 1]
    assert place.file == f"environments/{leaf.file}.yaml"
    assert line[: place.column - 1].endswith(leaf.before)
    assert line[place.column - 1 :].startswith(leaf.leaf)
    assert note.place is not None
    assert note.place.file == leaf.output
    assert leaf.new in tree.files[leaf.output].text.split("\n")[note.place.line - 1]
