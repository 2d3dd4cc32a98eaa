"""What a schedule does in moments that real processes hit too rarely to be waited for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from genmigrate.plan import Target
from genmigrate.schedule import Schedule
from genmigrate.survey import State
from genmigrate.work import Work


class LostError(Exception):
    """What a driver raises."""


class Session:
    """One that is cut."""

    errors = LostError

    def rows(self, _statement: str, _parameters: object = ()) -> list[tuple[Any, ...]]:
        raise LostError

    def lost(self) -> bool:
        return True


class Hands:
    """Two that end their work in the same moment."""

    def __init__(self, *labels: str) -> None:
        self._said = False
        self.all = [
            SimpleNamespace(work=Work(State(Target("t", label, label, label), "pending"))) for label in labels
        ]

    def listen(self, _timeout_s: float) -> list[tuple[Any, Any]]:
        said, self._said = self._said, True
        return [] if said else [(hand, {"ended": {}}) for hand in self.all]

    def stop(self, word: str) -> None:
        pass


class Sample(Schedule):
    """Looks at each schema once more."""

    def _done(self, work: Work) -> None:
        self._session.rows("SELECT 1")

    def _failed(self, work: Work, error: Exception) -> None:
        self._job.codes.append(work.label)


def test_two_that_end_while_the_session_is_cut() -> None:
    """Both are told: the one that is heard second is not waited for for ever."""
    job = SimpleNamespace(
        codes=[],
        note=lambda text: None,
        watch=SimpleNamespace(stop_word=""),
        service=SimpleNamespace(name="sample"),
        working={},
        backends=set(),
    )
    schedule = Sample(job, Session())  # type: ignore[arg-type]
    schedule._hands = Hands("sample_a", "sample_b")  # type: ignore[assignment]
    assert schedule.work_off([], None) == []
    assert job.codes == ["sample_a", "sample_b"]
