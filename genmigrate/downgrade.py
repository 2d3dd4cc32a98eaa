"""Turns schemas above a revision into schemas at it: within the policy, shown first, done only when asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .codes import RunError
from .job import event
from .output import names
from .preflight import refuse_pooled, refuse_standby
from .survey import READY
from .upgrade import Upgrade

if TYPE_CHECKING:
    from .exchange import Message
    from .history import History, Revision
    from .job import Job
    from .plan import Target
    from .session import Session
    from .survey import State
    from .work import Work

BASE = "base"


def run(job: Job) -> None:
    """Undo what stands above the order's `to`: show it, or with `apply` do it.

    Raises RunError: "refused" by the policy, "usage" for a target that is no revision of the service.
    """
    past = job.past
    bound = job.plan.policy.max_downgrade
    if bound == 0:
        reason = f"environment {job.plan.environment} goes forward only"
        raise RunError(
            "refused", reason, "undo it by a new revision; or rollback.schema: downgrade in the spec"
        )
    goal = _goal(job, past)
    with job.connect() as session:
        refuse_standby(session)
        states = job.judge(session)
        undo = {state.target: undone(past, state, goal) for state in states}
        for state in states:
            _allow(job, state, undo[state.target], bound)
        if job.codes:
            return None
        above = [state for state in states if undo[state.target]]
        for state in states:
            if state not in above:
                job.line(*_not_above(past, state, goal), up_to_date=1)
        if not job.order.get("apply"):
            return _show(job, above, undo, goal)
        if above:
            refuse_pooled(job, session)
            Downgrade(job, session, goal).run(above, job.plan.policy.max_failed_tenants)
    return None


def _not_above(past: History, state: State, goal: str) -> tuple[str, Message]:
    return f"  ✓ {state.target.label} is not above {past.slug(goal) or BASE}", event("up-to-date", state)


def undone(past: History, state: State, goal: str) -> list[Revision]:
    """The revisions to undo, newest first; none where the schema is not above `goal`."""
    done = past.ancestors(state.current)
    if goal and goal not in done:
        return []
    kept = past.ancestors([goal] if goal else [])
    return [each for key, each in reversed(past.revisions.items()) if key in done - kept]


def _goal(job: Job, past: History) -> str:
    wanted = str(job.order.get("to", ""))
    if wanted == BASE:
        return ""
    found = [each.id for each in past.revisions.values() if wanted in (each.id, each.slug)]
    if len(found) == 1:
        return found[0]
    known = names([f"{each.id} ({each.slug})" for each in reversed(past.revisions.values())])
    reason = f"{wanted} is {'more than one' if found else 'no'} revision of {job.service.name}"
    raise RunError("usage", reason, f"known: {known}, {BASE}")


def _allow(job: Job, state: State, undo: list[Revision], bound: int | None) -> None:
    if state.word not in READY:
        job.failed(state, job.explain(state))
    elif bound is not None and len(undo) > bound:
        reason = f"{len(undo)} revisions would be undone, the policy allows {bound}"
        way_out = "choose a nearer target, or undo them by a new revision"
        job.failed(state, RunError("refused", reason, way_out))


def _show(job: Job, above: list[State], undo: dict[Target, list[Revision]], goal: str) -> None:
    for state in above:
        slugs = [each.slug for each in undo[state.target]]
        job.line(
            f"  – {state.target.label} would lose {names(slugs)}", event("would-undo", state, revisions=slugs)
        )
    if above:
        job.line(f"  nothing was changed; to undo it, and lose the data in it: --to {goal or BASE} --apply")


class Downgrade(Upgrade):
    """One service's schemas on their way down."""

    command, verb = "downgrade", "undid"

    def __init__(self, job: Job, session: Session, goal: str) -> None:
        super().__init__(job, session)
        self._goal = goal

    def _revisions(self, state: State) -> list[Revision]:
        return undone(self._past, state, self._goal)

    def _order(self, work: Work) -> Message:
        return {**super()._order(work), "task": "down", "goal": self._goal or BASE}

    def _ready(self, work: Work) -> bool:
        work.state = self._now(work)
        if self._revisions(work.state) or work.tries:
            return True
        self._job.line(*_not_above(self._past, work.state, self._goal), up_to_date=1)  # by another runner
        return False

    def _done(self, work: Work) -> None:
        target = work.state.target
        left = [each.slug for each in undone(self._past, self._now(work), self._goal)]
        if left:
            raise RunError(
                "failed", f"Alembic ended without an error, but {target.schema} still has {names(left)}"
            )
        slugs = [each.slug for each in self._revisions(work.state)]
        told = event("undone", work.state, revisions=slugs, seconds=work.result.get("seconds", 0))
        self._job.line(f"  ✓ Undid {', '.join(slugs)} in {target.label}", told, applied=1)
