"""Today's date and the exceptions of the spec into findings: one that has run out counts no more."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from compiler.spec.policy import expired

if TYPE_CHECKING:
    from compiler.diagnostics.model import Diagnostic
    from compiler.spec.spec import Spec


def check(spec: Spec, now: datetime) -> list[Diagnostic]:
    """Return the exceptions whose last day is over everywhere on Earth's clock of reference, UTC."""
    today = now.astimezone(timezone.utc).date().isoformat()
    return [found for environment in spec.environments for found in expired(environment.tree, today)]
