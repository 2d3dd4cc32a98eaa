"""The pairs of a field and a payload into projects that hold many of them at once, each beside a harmless twin.

A twin holds a word of its own wherever the project holds a payload: what a reader finds in the one is what it finds in
the other, with the words exchanged. So no test has to know where a field is spelt, and none can forget a place.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.injection.fields import ITEM, TextField
from tests.injection.project import Spot, Texts, at

# A field that takes more than so many of the payloads is free text.
FREE = 100
# Names that others refer to by: they are renamed everywhere. The old name is that of the last such place.
NAMES = {"services.?": "orders", "environment": "staging-us"}
# What refers to a name, and so takes no other text.
REFERENCES = {
    "images.?",
    "promote.to",
    "smoke_tests.@.service",
    "services.*.migrations.after.@",
    "exceptions.@.field",
    "exceptions.@.allow",
    "migrations.canary.@",
}
_LONGEST_TEXT = 200


@dataclass
class Round:
    """Texts with payloads in them and their twin; `words` are the twin's, each with the payload in its place."""

    texts: Texts
    twin: Texts
    words: dict[str, str] = field(default_factory=dict)
    pairs: list[tuple[TextField, str]] = field(default_factory=list)
    spots: dict[Spot, TextField] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    harmless: Mapping[str, str] = field(default_factory=dict)

    def exchanged(self, data: Any) -> Any:
        """Return what a reader found in the twin with the payloads in the place of its words."""
        if isinstance(data, dict):
            return {self.exchanged(key): self.exchanged(value) for key, value in data.items()}
        if isinstance(data, list):
            return [self.exchanged(item) for item in data]
        return self._pattern.sub(lambda word: self.words[word[0]], data) if isinstance(data, str) else data

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(sorted(map(re.escape, self.words), key=len, reverse=True)) or "(?!)")


def is_free(kind: TextField, payloads: Iterable[str]) -> bool:
    return len(accepted(kind, payloads)) > FREE


def accepted(kind: TextField, payloads: Iterable[str]) -> list[str]:
    """Return the payloads that the field's kind of text takes."""
    return [text for text in payloads if kind.kind is None or kind.kind.fault(text) is None]


def all_at_once(fields: Iterable[TextField], payloads: list[str]) -> Round:
    """Return one project with every payload in every field of free text that a list or a map has many of."""
    made = Round(Texts(), Texts())
    for one in fields:
        if not is_free(one, payloads) or str(one) in REFERENCES or not is_many(one):
            continue
        spot = made.texts.spot(one)
        for text in accepted(one, payloads):
            word = f"canary{len(made.words)}q"
            _add(made.texts, spot, one, text, len(made.words))
            _add(made.twin, spot, one, word, len(made.words))
            made.words[word] = text
            made.pairs.append((one, text))
    return made


def is_many(one: TextField) -> bool:
    return (ITEM in one.loc[-2:] and one.loc[0] != "exceptions") or one.loc[-2:] == ("env", "*")


def _add(texts: Texts, spot: Spot, one: TextField, text: str, number: int) -> None:
    """Write `text` into one more item of the list or the map that holds the field."""
    data = texts.files[spot.file]
    if one.loc[-1] == ITEM:
        at(data, spot.loc[:-1]).append(text)
    elif one.loc[-2] == ITEM:
        items = at(data, spot.loc[:-2])
        items.append({**copy.deepcopy(items[0]), spot.loc[-1]: text})
    else:
        at(data, spot.loc[:-1])[f"CANARY_{number}"] = text


def one_after_the_other(
    fields: Iterable[TextField], payloads: list[str]
) -> list[list[tuple[TextField, str]]]:
    """Return lists of pairs in which every other field stands once, as long as it has a payload left.

    Each field begins elsewhere, so that few of them hold the same text at once.
    """
    each = {
        one: _each(one, payloads)
        for one in fields
        if str(one) not in REFERENCES and not _is_done(one, payloads)
    }
    return [
        [
            (one, all_[(n + shift) % len(all_)])
            for shift, (one, all_) in enumerate(each.items())
            if n < len(all_)
        ]
        for n in range(max(map(len, each.values())))
    ]


def together(pairs: Iterable[tuple[TextField, str]]) -> Round:
    """Return one project with one payload in each of some fields."""
    made = Round(Texts(), Texts())
    names: list[tuple[str, str, str]] = []
    for position, (one, text) in enumerate(pairs):
        word = _twin_word(one, text, position)
        made.pairs.append((one, text))
        if word:
            made.words[word] = text
            for derived in (_shouted, _checked):
                made.words.setdefault(derived(word), derived(text))
        if str(one) in NAMES:
            names.append((NAMES[str(one)], text, word or text))
            continue
        spot = made.texts.spot(one)
        made.spots[spot.holding(text)] = one
        made.texts.set(spot, text)
        made.twin.set(spot, word or text)
    for old, text, word in names:
        made.texts.rename(old, text)
        made.twin.rename(old, word)
        made.spots = {_renamed(spot, old, text): one for spot, one in made.spots.items()}
    return made


def _shouted(text: str) -> str:
    """Return a text as it is in the name of a variable that is derived from it."""
    return re.sub(r"[^A-Z0-9]", "_", text.upper())


def _checked(text: str) -> str:
    """Return a schema as it is where a pull request is checked, with a tenant of its own."""
    return text.replace("{tenant}", "ci")


def _renamed(spot: Spot, old: str, new: str) -> Spot:
    return Spot(
        new if spot.file == old else spot.file, tuple(new if step == old else step for step in spot.loc)
    )


def _is_done(one: TextField, payloads: list[str]) -> bool:
    return is_free(one, payloads) and is_many(one)


def _each(one: TextField, payloads: list[str]) -> list[str]:
    """Return the texts that a field gets one after the other; free text holds several payloads each time."""
    found = accepted(one, payloads)
    if not is_free(one, payloads):
        return found
    packed = [""]
    for text in found:
        if len(packed[-1]) + len(text) + 1 > _LONGEST_TEXT:
            packed.append("")
        packed[-1] = f"{packed[-1]} {text}".strip()
    return packed


def _twin_word(one: TextField, text: str, position: int) -> str | None:
    """Return a word that the field takes as well, and that stands nowhere else and where `text` would be sorted."""
    for word in (f"{text}q{position}z", f"{text}Q{position}Z", f"canary{position}q"):
        if one.kind is None or one.kind.fault(word) is None:
            return word
    return None
