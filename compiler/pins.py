"""What `gen image pin` was told into the new text of an environment's file of digests."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.spec.files import PLATFORM, environment_of, spec_files
from compiler.spec.kinds import DIGEST
from compiler.spec.load import read_trees
from compiler.spec.merge import merge
from compiler.spec.shown import closest, listed, shown
from compiler.spec.source import parse
from compiler.spec.spec import find
from compiler.spec.tiers import via
from compiler.spec.written import entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from compiler.spec.source import Node

_HEADER = "# Written by `gen image pin`, one line per service."
_MARK = "\ufeff"
_EXAMPLE = "SERVICE=sha256:<64 hex digits>"


def read_pins(arguments: Sequence[str]) -> tuple[dict[str, str], list[Diagnostic]]:
    """Return the digest of each service that `arguments` (`SERVICE=DIGEST`) name, and what is wrong with them."""
    pins: dict[str, str] = {}
    faults = []
    for argument in arguments:
        service, sign, digest = argument.partition("=")
        place = Place(shown(argument)[1:-1], 0, 0)
        if not sign or not service:
            message = f"found {shown(argument)}, which is not SERVICE=DIGEST"
            faults.append(Diagnostic("invalid-pin", message, place, help=f"write {_EXAMPLE}"))
            continue
        if service in pins:
            message = f"found two digests for {shown(service)}"
            faults.append(Diagnostic("duplicate-item", message, place, help="keep one of them"))
        elif fault := DIGEST.fault(digest):
            faults.append(Diagnostic("invalid-digest", fault[1], place, help=fault[2]))
        pins.setdefault(service, digest)
    return pins, faults


def pin_faults(root: Path, environment: str, services: Sequence[str]) -> Iterator[Diagnostic]:
    """Refuse an environment that takes no pins, and services that it does not run.

    Reads the spec even where it has mistakes: a missing pin is one of those that pinning mends.
    """
    names = [name for file in spec_files(root)[0] if (name := environment_of(file))]
    if environment not in names:
        meant = closest(environment, names)
        yield Diagnostic(
            "unknown-environment",
            f"found {shown(environment)}, which is not an environment",
            Place("--environment", 0, 0),
            help=f'write "{meant}"' if meant else f"the environments are {listed(names)}",
        )
        return
    trees = read_trees(root)
    platform, own = trees.get(PLATFORM), trees.get(f"environments/{environment}.yaml")
    if platform is None or own is None:
        return  # the compiler says why
    tree = merge(platform, own)
    way = find(tree, "deploy", "via")
    if via(tree) in (None, "helm"):
        place = way.place if way else Place(f"environments/{environment}.yaml", 0, 0)
        why = "is deployed by Helm, which gets the digests when it deploys" if way else "is not deployed"
        message = f"found pins for {environment}, which {why}"
        way_out = "pin in an environment with via: argocd, or give this one deploy: {via: argocd}"
        yield Diagnostic("unused-pin", message, place, help=way_out)
    for service in services:
        yield from _service(service, environment, tree)


def _service(service: str, environment: str, tree: Node) -> Iterator[Diagnostic]:
    known = entries(tree, "services")
    place = Place(shown(service)[1:-1], 0, 0)
    switch = find(tree, "services", service, "enabled")
    if service not in known:
        meant = closest(service, sorted(known))
        yield Diagnostic(
            "unknown-service",
            f"found {shown(service)}, which platform.yaml does not have",
            place,
            help=f'write "{meant}"' if meant else f"the services are {listed(sorted(known))}",
        )
    elif switch is not None and switch.value is False:
        yield Diagnostic(
            "unused-pin",
            f"found a pin for {shown(service)}, which is switched off in {environment}",
            place,
            (Note("it is switched off here", switch.place),),
            "switch it on first, or leave it out",
        )


def pinned(text: str | None, pins: Mapping[str, str]) -> str:
    """Return the text of a file of digests with `pins` in it: one line per service, everything else as it was.

    A new service comes behind the last one that sorts before it. `None` is a file that is not there; a text that is
    no map comes back as it is, for the compiler to refuse.
    """
    if text is None or not text.strip(_MARK + " \r\n"):
        return "".join(f"{line}\n" for line in (_HEADER, *(f"{name}: {pins[name]}" for name in sorted(pins))))
    tree, faults = parse(text, "")
    if faults or tree is None or not isinstance(tree.value, dict | None):
        return text
    wanted = {**(tree.plain() or {}), **pins}
    edited = _by_line(text, tree, pins)
    # Not every map has a line for each entry: `{a: b}` has none, `a: >-` has two.
    return edited if _holds(edited, wanted) else _anew(text, pins)


def _holds(text: str, wanted: Mapping[str, str]) -> bool:
    tree, faults = parse(text, "")
    if tree is None or faults or not isinstance(tree.value, dict):
        return False
    spans = [(node.key_place or node.place, node.place, node) for node in tree.value.values()]
    single = all(key.line == value.line == node.last_line for key, value, node in spans)
    return tree.plain() == wanted and single and len({key.line for key, _, _ in spans}) == len(spans)


def _by_line(text: str, tree: Node, pins: Mapping[str, str]) -> str:
    """Put the digests over those that are there, and a line of its own for each that is not."""
    mark = _MARK if text.startswith(_MARK) else ""
    lines = text.removeprefix(mark).split("\n")
    end = "\r" if lines[0].endswith("\r") else ""
    written = tree.value if isinstance(tree.value, dict) else {}
    for service in sorted(pins.keys() & written.keys()):
        place = written[service].place
        line, start = lines[place.line - 1], place.column - 1
        old = line[start : start + place.length]
        quote = old[0] if old[:1] in ("'", '"') else ""
        lines[place.line - 1] = f"{line[:start]}{quote}{pins[service]}{quote}{line[start + len(old) :]}"
    new = sorted(pins.keys() - written.keys())
    if new and lines[-1]:
        lines[-1:] = [lines[-1] + end, ""]
    # From the last to the first, so that those above do not move.
    last = len(lines) - 1
    for service in reversed(new):
        lines.insert(_index(service, written, last), f"{service}: {pins[service]}{end}")
    return mark + "\n".join(lines)


def _index(service: str, written: Mapping[str, Node], last: int) -> int:
    """Return the line, from 0, before which a new service belongs: comments above an entry stay with it."""
    index = None
    for name, node in written.items():
        if name > service:
            return index if index is not None else (node.key_place or node.place).line - 1
        index = node.last_line
    return last if index is None else index


def _anew(text: str, pins: Mapping[str, str]) -> str:
    """Bring a map of another shape into one line per service, with its comments and quotes."""
    from ruamel.yaml import YAML  # only files that somebody reshaped need it

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    pinned_ = yaml.load(text.removeprefix(_MARK))
    for service in sorted(pins):
        if service in pinned_:
            pinned_[service] = pins[service]
        else:
            later = (number for number, name in enumerate(pinned_) if name > service)
            pinned_.insert(next(later, len(pinned_)), service, pins[service])
    pinned_.fa.set_block_style()
    stream = io.StringIO()
    yaml.dump(pinned_, stream)
    new = stream.getvalue().replace("\r\n", "\n")
    return new.replace("\n", "\r\n") if "\r\n" in text else new
