"""The values of a history: an id where it is written, a revision, all revisions of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from compiler.diagnostics.model import Place


@dataclass(frozen=True, slots=True)
class Mention:
    """A revision id, or a branch label, where a file writes it."""

    id: str
    place: Place


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision file: its id, the ids it follows (`parents`), needs, and the branch labels it gives.

    `follows` is where the parents are written, `created` the date in the docstring or nothing, `digest` that of the
    file's bytes.
    """

    id: str
    file: str
    place: Place
    parents: tuple[Mention, ...]
    follows: Place
    needs: tuple[Mention, ...] = ()
    labels: tuple[Mention, ...] = ()
    created: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.file.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Service:
    """A service that migrates: its folder, its Alembic configuration there, where the spec names it.

    `alembic` are the words that start Alembic in that folder.
    """

    name: str
    folder: str
    config: str
    place: Place
    alembic: tuple[str, ...] = ("uv", "run", "alembic")


@dataclass(frozen=True, slots=True)
class History:
    """All revisions of a service, by file, and the files that could not be read; `home` is the folder above theirs."""

    service: Service
    revisions: tuple[Revision, ...]
    unread: tuple[str, ...] = ()
    home: str = "."

    def by_id(self) -> dict[str, Revision]:
        """Return the revisions by their id; of two files with one id the first."""
        known: dict[str, Revision] = {}
        for revision in self.revisions:
            known.setdefault(revision.id, revision)
        return known

    def heads(self) -> list[str]:
        """Return the ids that no revision follows."""
        known = self.by_id()
        followed = {mention.id for revision in known.values() for mention in revision.parents}
        return [one for one in known if one not in followed]


def below(known: dict[str, Revision], heads: Iterable[str], needs: bool = False) -> set[str]:
    """Return `heads` and everything they follow, with `needs` also all that they need."""
    seen: set[str] = set()
    todo = [one for one in heads if one in known]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            revision = known[one]
            mentions = (*revision.parents, *revision.needs) if needs else revision.parents
            todo += [mention.id for mention in mentions if mention.id in known]
    return seen
