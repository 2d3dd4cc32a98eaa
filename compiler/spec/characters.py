"""The characters of a text, into the mistakes that nobody would see in it."""

from __future__ import annotations

import re
import unicodedata

from compiler.diagnostics.model import Diagnostic, Place

# What an editor would not show, or would show as another line: control characters but tab and line feed,
# other line ends, overrides of the text's direction, surrogates, a byte order mark in the middle.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MOST = 10


def character_faults(text: str, file: str) -> list[Diagnostic]:
    """Refuse characters that would make a file look different from what it says, comments included."""
    faults = []
    for match in _UNPRINTABLE.finditer(text):
        before = text.rfind("\n", 0, match.start()) + 1
        place = Place(file, text.count("\n", 0, match.start()) + 1, match.start() - before + 1)
        faults.append(_unprintable(match[0], place))
        if len(faults) == _MOST:
            break
    return faults


def text_faults(text: str, place: Place) -> list[Diagnostic]:
    """Refuse a value or a key that is not one line of printable text, or has two spellings that look the same."""
    faults = []
    if not text.isprintable():
        for character in text:
            if unicodedata.category(character) in _REFUSED_CATEGORIES:
                faults.append(_unprintable(character, place))
                break
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        message, way_out = (
            "found text that is not in Unicode's normal form C",
            "type it anew: é is one character",
        )
        faults.append(Diagnostic("not-normalized", message, place, help=way_out))
    return faults


def _unprintable(character: str, place: Place) -> Diagnostic:
    if character == "\n":
        return Diagnostic(
            "unprintable-character", "found a line break inside a value", place, help="write it on one line"
        )
    message = f"found the character U+{ord(character):04X}, which cannot be seen"
    return Diagnostic("unprintable-character", message, place, help="remove it")
