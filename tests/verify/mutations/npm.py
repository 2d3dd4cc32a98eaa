"""Scripts that npm runs on its own, or that a shell reads as more than words."""

from __future__ import annotations

from tests.verify.mutations.model import PACKAGE, Mutation

MUTATIONS = (
    Mutation("npm-lifecycle", "run on every install", PACKAGE, '"dev:infra"', '"postinstall"'),
    Mutation("npm-lifecycle", "run before another one", PACKAGE, '"dev:infra"', '"predev"'),
    Mutation("npm-lifecycle", "no name", PACKAGE, '"dev:infra"', '"dev infra"'),
    Mutation("npm-command", "a second command", PACKAGE, "dev up --docker", "dev up --docker; id"),
    Mutation("npm-command", "a variable", PACKAGE, "dev logs", "dev logs $HOME"),
    Mutation("npm-command", "a pipe", PACKAGE, "migrate status", "migrate status | sh"),
    Mutation("npm-command", "a substitution", PACKAGE, "dev infra", "dev `id`"),
)
