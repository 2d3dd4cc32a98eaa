"""A value of the spec into the words that a message shows for it."""

from __future__ import annotations

from typing import Any

_LONGEST = 60


def shown(value: Any) -> str:
    """Return `value` as a message names it: short, on one line, without control characters."""
    if isinstance(value, str):
        return f'"{_clipped(value)}"'
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"the number {value}"
    return "a map" if isinstance(value, dict) else "a list"


def listed(words: list[str] | tuple[str, ...], joint: str = "and") -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    return f" {joint} ".join(part for part in (", ".join(words[:-1]), words[-1]) if part) if words else ""


def choose(noun: str, word: str, words: list[str] | tuple[str, ...]) -> str:
    """Return the way out for a `word` that is none of `words`: the one that was probably meant, or all of them."""
    meant = closest(word, words)
    if meant:
        return f'write "{meant}"'
    if not words:
        return f"remove it: there is no {noun}"
    return f"the {noun}s are {listed(words)}" if len(words) > 1 else f"the only {noun} is {words[0]}"


def closest(word: str, words: list[str] | tuple[str, ...]) -> str | None:
    """Return the one of `words` that was probably meant, if any is close enough."""
    from difflib import get_close_matches  # only needed where something is wrong

    folded = {other.casefold(): other for other in words}
    found = get_close_matches(word[:_LONGEST].casefold(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def _clipped(text: str) -> str:
    return printable(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def printable(text: str) -> str:
    """Return `text` whole, without control characters."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)
