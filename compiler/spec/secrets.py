"""What looks like a secret, into diagnostics that do not show it and texts in which it is blotted out."""

from __future__ import annotations

import re
from dataclasses import replace
from math import log2
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.kinds import ARN, DIGEST, IDENTIFIER, PROVIDER, REPOSITORY, VARIABLE
from compiler.spec.shown import shown
from compiler.spec.source import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BLOT = "********"

_PROVIDERS = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{16,}",
    "a Slack token": r"\bxox[a-z]-[A-Za-z0-9-]{8,}",
    "a webhook URL": r"hooks\.slack\.com/(?:services|workflows)/\S|discord(?:app)?\.com/api/webhooks/\S",
    "a payment provider's key": r"\b[rsp]k_(?:live|test)_[A-Za-z0-9]{8,}",
    "an API key": r"\b(?:sk-[A-Za-z0-9_-]{16,}|AIza[0-9A-Za-z_-]{30,}|SG\.[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{30,})",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}",
    "a private key": r"-----BEGIN [A-Z ]*KEY",
    "a URL with a password": r"://[^/\s:@]*:[^/\s@]+@",
    "a password": r"(?i:(?:password|passwd|pwd|secret|token|api[_-]?key|accountkey)=[^\s&;])",
}
_PROVIDER = re.compile("|".join(f"(?P<p{i}>{rule})" for i, rule in enumerate(_PROVIDERS.values())))
_SECRET_NAME = re.compile(
    r"(?i)(?:^|[_.-])(?:pass|password|passwd|passphrase|pwd|secret|token|api_?key|key|credentials?)\d*$|password\d*$|secret\d*$"
)
_PUBLIC_NAME = re.compile(r"(?i)public[_-]?key$")
# Keys whose values are names of secrets.
_NAMES_OF_SECRETS = {"secrets", "secret"}
_HASH_NAME = re.compile(r"(?i)(?:sha|sha1|sha256|commit|digest|revision|rev|hash|checksum|fingerprint)$")
# Digests, UUIDs, and the long names by which clouds know a role or a provider.
_KNOWN = re.compile(
    r"sha(?:1|256|384|512)[:-][0-9a-zA-Z+/=]+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    rf"""|(?<![^\s"'])(?:{ARN.pattern}|{PROVIDER.pattern}|{REPOSITORY.pattern})(?![^\s"',}}\]])""",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{20,}")
_HEX = re.compile(r"[0-9a-f]{20,}|[0-9A-F]{20,}")
_NAMED_IN_TEXT = re.compile(
    r"""(?i)(?:password|passwd|passphrase|pwd|secret|token|key|credentials?)["']?\s*[:=]\s*(?=[^\s#])"""
)
# The same where it is only the name of a secret: `secret: SLACK_WEBHOOK_URL`.
_NAME_IN_TEXT = re.compile(rf"(?<![\w.-])secret: {VARIABLE.pattern}(?=[\s,}}]|$)")


def secrets_in(tree: Node) -> Iterator[tuple[Node, Diagnostic | None]]:
    """Yield every value under `tree` that must not be shown, with its diagnostic.

    What stands where a secret is named without being a name has none: the grammar refuses it.
    """
    todo: list[tuple[str, Node]] = [("", tree)]
    while todo:
        name, node = todo.pop()
        value = node.value
        if isinstance(value, dict):
            for key, below in value.items():
                if (what := _recognized(key) or _random(key)) and (place := below.key_place):
                    yield Node(key, place, last_line=place.line), _secret(what, place)
                todo.append(("secret" if name == "secrets" else key, below))
        elif isinstance(value, list):
            todo += [(name, item) for item in value]
        elif name in _NAMES_OF_SECRETS and value is not None and not _is_name(value):
            yield node, None
        elif what := _looks_secret(name, value):
            yield node, _secret(what, node.place)


def blot(text: str, nodes: Iterable[Node]) -> str:
    """Return `text` without the values of `nodes`, and without anything else in it that looks like a secret."""
    lines = text.split("\n")
    for node in nodes:
        first = node.place.line - 1
        for number in range(first, max(first + 1, min(node.last_line, len(lines)))):
            lines[number] = (lines[number][: node.place.column - 1] if number == first else "") + BLOT
    return "\n".join(_blotted(line) for line in lines)


def hide(faults: Iterable[Diagnostic], nodes: Iterable[Node]) -> list[Diagnostic]:
    """Return the `faults` without the values of `nodes` in any of their words, and without their lengths."""
    nodes = list(nodes)
    if not nodes:
        return list(faults)
    shapes = sorted(
        {shape for node in nodes for shape in _shapes(node.value)}, key=lambda shape: (-len(shape), shape)
    )
    spots = {node.place._replace(length=0) for node in nodes}

    def words(text: str) -> str:
        for shape in shapes:
            text = text.replace(shape, BLOT)
        return text

    def spot(place: Place) -> Place:
        return place._replace(length=len(BLOT)) if place._replace(length=0) in spots else place

    return [
        replace(
            fault,
            message=words(fault.message),
            place=spot(fault.place),
            notes=tuple(Note(words(note.message), note.place and spot(note.place)) for note in fault.notes),
            help=fault.help and words(fault.help),
        )
        for fault in faults
    ]


def _shapes(value: object) -> set[str]:
    if not isinstance(value, str | int):
        return set()
    text = str(value)
    return {shown(value), f"[{text}]", f'"{text}"', *((text, shown(value)[1:-1]) if len(text) > 5 else ())}


def _secret(what: str, place: Place) -> Diagnostic:
    # The length of a secret is a part of it: the place is as long as the blot.
    return Diagnostic(
        "secret-value",
        f"found {what} typed as a value",
        Place(place.file, place.line, place.column, len(BLOT)),
        help='list a name under "secrets" and keep the value in .env; change the secret if it was ever committed',
    )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and VARIABLE.fault(value) is None


def _looks_secret(name: str, value: object) -> str | None:
    if isinstance(value, bool) or value is None or value == "":
        return None
    # A service may be called `token`; what is pinned for it is no secret.
    if isinstance(value, str) and not DIGEST.fault(value) and not IDENTIFIER.fault(name):
        return None
    if name not in _NAMES_OF_SECRETS and _SECRET_NAME.search(name) and not _PUBLIC_NAME.search(name):
        return "a secret"
    if not isinstance(value, str):
        return None
    return _recognized(value) or _random(value, _HASH_NAME.search(name) is not None)


def _recognized(text: str) -> str | None:
    match = _PROVIDER.search(text)
    if match is None:
        return None
    return next(what for i, what in enumerate(_PROVIDERS) if match[f"p{i}"] is not None)


def _random(text: str, is_hash: bool = False) -> str | None:
    for match in _TOKEN.finditer(_KNOWN.sub("", text)):
        word = match[0]
        if _HEX.fullmatch(word):
            if not is_hash and _is_mixed(word, str.isdigit, str.isalpha) and _entropy(word) > 3.0:
                return "random hexadecimal digits"
        elif _is_mixed(word, str.isdigit, str.islower, str.isupper) and _entropy(word) > 4.5:
            return "random text"
    return None


def _is_mixed(word: str, *kinds: Callable[[str], bool]) -> bool:
    return all(any(map(kind, word)) for kind in kinds)


def _entropy(word: str) -> float:
    counts = [word.count(letter) for letter in set(word)]
    return -sum(count / len(word) * log2(count / len(word)) for count in counts)


def _blotted(line: str) -> str:
    starts = [match.start() for match in (_PROVIDER.search(line),) if match]
    named = (match for match in _NAMED_IN_TEXT.finditer(line) if not _NAME_IN_TEXT.match(line, match.start()))
    starts += [match.end() for match in named]
    unknown = _KNOWN.sub(lambda match: " " * len(match[0]), line)
    starts += [match.start() for match in _TOKEN.finditer(unknown) if _random(match[0])]
    return line[: min(starts)] + BLOT if starts else line
