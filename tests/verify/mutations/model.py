"""One change of the text of an emitted file, and the rule that it breaks."""

from __future__ import annotations

from dataclasses import dataclass

STAGING, PRODUCTION = "out/staging/", "out/production/"
SERVICE = STAGING + "chart/templates/services/auth-api.yaml"
JOB = STAGING + "chart/templates/migrations/job.yaml"
FILES = STAGING + "chart/templates/migrations/files.yaml"
ARGO_SERVICE = PRODUCTION + "chart/templates/services/auth-api.yaml"
ARGO_JOB = PRODUCTION + "chart/templates/migrations/job.yaml"
ARGO_FILES = PRODUCTION + "chart/templates/migrations/files.yaml"
PROJECT, APPLICATION = PRODUCTION + "argocd/project.yaml", PRODUCTION + "argocd/application.yaml"
WORKFLOWS = ".github/workflows/elevaite-"
DEPLOY, ARGO_DEPLOY = WORKFLOWS + "deploy-staging.yml", WORKFLOWS + "deploy-production.yml"
APPROVE, CHECK = WORKFLOWS + "approve-production.yml", WORKFLOWS + "pull-request.yml"
COMPOSE, PACKAGE = "out/local/compose.yaml", "package.json"


@dataclass(frozen=True, slots=True)
class Mutation:
    """The first `old` behind `behind` in the file becomes `new`; then `rule` is broken, and no other."""

    rule: str
    what: str
    file: str
    old: str
    new: str
    behind: str = ""

    @property
    def id(self) -> str:
        """The name of the mutation in the output of pytest."""
        return f"{self.rule}: {self.what}"

    def apply(self, text: str) -> tuple[int, int, str]:
        """Return where the change begins and ends in `text`, and the changed text."""
        assert self.behind in text, f"{self.file} has no {self.behind!r}"
        start = text.find(self.old, text.index(self.behind) + len(self.behind) if self.behind else 0)
        assert start >= 0, f"{self.file} has no {self.old!r} behind {self.behind!r}"
        changed = text[:start] + self.new + text[start + len(self.old) :]
        assert changed != text
        return start, start + len(self.old), changed
