"""A history into what is wrong with its revisions together."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note
from compiler.revisions.model import below
from compiler.spec.order import in_order
from compiler.spec.shown import closest, listed, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.revisions.model import History, Mention, Revision

_LATEST = "~"  # behind every date


def judge(history: History) -> list[Diagnostic]:
    """Return every mistake that two or more revisions of `history` make together."""
    return [*_twice(history), *_unknown(history), *_circles(history), *_heads(history)]


def _twice(history: History) -> Iterator[Diagnostic]:
    """Refuse an id, or a branch label, that two files give."""
    known = history.by_id()
    labels: dict[str, tuple[Revision, Mention]] = {}
    for revision in history.revisions:
        first = known[revision.id]
        if first is not revision:
            same = first.digest == revision.digest
            way_out = (
                f"remove one of the two files, {first.name} or {revision.name}: they are equal"
                if same
                else f"give {revision.name} an id of its own, and name that in the revisions that follow it"
            )
            yield Diagnostic(
                "duplicate-revision",
                f"found the id {shown(revision.id)} in {revision.name}, which {first.name} has",
                revision.place,
                (Note(f"{first.name} has it here", first.place),),
                way_out,
            )
        for label in revision.labels:
            other, at = labels.setdefault(label.id, (revision, label))
            if other.id != revision.id:
                yield Diagnostic(
                    "duplicate-label",
                    f"found the branch label {shown(label.id)} in {revision.name}, which {other.name} gives",
                    label.place,
                    (Note(f"{other.name} gives it here", at.place),),
                    "keep one of them: a label names one branch",
                )


def _unknown(history: History) -> Iterator[Diagnostic]:
    """Refuse a parent, or a need, that no file is."""
    known = history.by_id()
    labels = {label.id for revision in history.revisions for label in revision.labels}
    for revision in history.revisions:
        for mention in revision.parents:
            if mention.id not in known and not _perhaps_unread(mention.id, history):
                yield _no_file(mention, f"{revision.name} follows", known, "down_revision")
        for mention in revision.needs:
            if mention.id not in known.keys() | labels and not _perhaps_unread(mention.id, history):
                yield _no_file(mention, f"{revision.name} depends on", known, "depends_on")


def _perhaps_unread(revision: str, history: History) -> bool:
    """Tell whether a file that could not be read is probably this revision: that is one mistake, not two."""
    return any(revision in file for file in history.unread)


def _no_file(mention: Mention, who: str, known: dict[str, Revision], name: str) -> Diagnostic:
    meant = _meant(mention.id, known)
    way_out = f"correct {name}, or bring the missing file back"
    if meant:
        is_name = mention.id in (meant.name, meant.name.removesuffix(".py"))
        why = f", the revision of {meant.name}" if not is_name else ": that is the name of its file"
        way_out = f'write "{meant.id}"{why}'
    return Diagnostic(
        "unknown-revision",
        f"{who} revision {shown(mention.id)}, which no file has",
        mention.place,
        (Note(f"{meant.name} has another id", meant.place),) if meant else (),
        way_out,
    )


def _meant(written: str, known: dict[str, Revision]) -> Revision | None:
    """Return the revision that was probably meant: by its file's name, by the start of its id, by likeness."""
    stem = written.rpartition("/")[2].removesuffix(".py")
    for revision in known.values():
        name = revision.name.removesuffix(".py")
        if stem and (name == stem or name.removeprefix(revision.id).lstrip("_-") == stem):
            return revision
    starts = [one for one in known if len(stem) >= 4 and one.startswith(stem)]
    if len(starts) == 1:
        return known[starts[0]]
    like = closest(written, list(known))
    return known[like] if like else None


def _circles(history: History) -> Iterator[Diagnostic]:
    """Refuse revisions of which each follows, or needs, the next."""
    known = history.by_id()
    edges = {one.id: {m.id: m for m in (*one.needs, *one.parents)} for one in known.values()}
    for circle in in_order({name: others.keys() for name, others in edges.items()})[1]:
        steps = list(zip(circle, [*circle[1:], circle[0]], strict=True))
        places = [edges[one][other].place for one, other in steps]
        notes = tuple(
            Note(f"{known[one].name} follows {known[other].name}", place)
            for (one, other), place in zip(steps, places, strict=True)
        )
        if len(circle) == 1:
            message, way_out = f"found {known[circle[0]].name} following itself", "write its parent, or None"
        else:
            names = listed([known[one].name for one in circle])
            message, way_out = (
                f"found revisions that follow each other in a circle: {names}",
                "correct one of these lines",
            )
        yield Diagnostic("revision-cycle", message, places[0], notes[1:], way_out)


def _heads(history: History) -> Iterator[Diagnostic]:
    """Refuse more heads than one: each but the oldest, at the revision with which its branch begins."""
    known = history.by_id()
    # A file that could not be read may be the merge; a parent that is no file may be in between.
    if history.unread:
        return
    begins: dict[str, tuple[str, str]] = {}
    heads = history.heads()
    for head in heads if len(heads) > 1 else ():
        own = below(known, [head]) - below(known, [one for one in heads if one != head])
        if all(mention.id in known for one in own for mention in known[one].parents):
            begins[head] = min(known[one].created or _LATEST for one in own), known[head].file
    heads = sorted(begins, key=begins.__getitem__)
    older: set[str] = set()
    for number, head in enumerate(heads):
        branch = below(known, [head]) - older
        if number:
            yield _head(history, heads, number, branch, older)
        older |= branch


def _head(history: History, heads: list[str], number: int, branch: set[str], older: set[str]) -> Diagnostic:
    known = history.by_id()
    head = known[heads[number]]
    roots = [known[one] for one in sorted(branch) if all(m.id in older for m in known[one].parents)]
    root = min(roots, key=lambda one: (one.created or _LATEST, one.file), default=head)
    parent = root.parents[0] if root.parents else None
    siblings = [
        (known[one], mention)
        for one in sorted(older)
        for mention in known[one].parents
        if parent and mention.id == parent.id
    ]
    notes = [Note(f"{one.name} follows it too", mention.place) for one, mention in siblings]
    if parent:
        message = f"found {root.name} following {shown(parent.id)}"
        message += f", as {listed([one.name for one, _ in siblings])} does" if siblings else ""
    else:
        bases = [known[one] for one in sorted(older) if not known[one].parents]
        first = bases[0] if bases else known[heads[0]]
        message = f"found {root.name} without a parent, as {first.name} is"
        notes = [Note(f"{first.name} has none either", first.follows)]
    if head is not root:
        notes.append(Note(f"its branch ends in {head.name}", head.place))
    message += f", and nothing merges them: {len(heads)} heads"
    place = parent.place if parent else root.follows
    return Diagnostic("several-heads", message, place, tuple(notes), _way_out(history, heads, number, roots))


def _way_out(history: History, heads: list[str], number: int, roots: list[Revision]) -> str:
    """Return the commands: merge all heads or, where the branch has one beginning, put it behind the other."""
    service, known = history.service, history.by_id()
    words = [*service.alembic, *(["-c", service.config] if service.config != "alembic.ini" else [])]
    merge = shlex.join([*words, "merge", "-m", "merge heads", *heads])
    way_out = f"merge them: cd {shlex.quote(service.folder)} && {merge}"
    before = heads[number - 1]
    if (
        len(roots) == 1
        and len(roots[0].parents) < 2
        and roots[0].id not in below(known, [before], needs=True)
    ):
        way_out += f'; or, if no database has {roots[0].name} yet, write down_revision = "{before}" in it'
    return way_out
