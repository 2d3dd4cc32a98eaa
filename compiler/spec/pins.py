"""The digests of an environment's images, from their own file into the tree of that environment, or what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.spec.files import PLATFORM, environment_of, pins_file
from compiler.spec.kinds import IDENTIFIER
from compiler.spec.model import PINS
from compiler.spec.shown import choose, closest, listed, shown
from compiler.spec.source import Node
from compiler.spec.spec import find
from compiler.spec.tiers import tier_of, via
from compiler.spec.written import enabled_services, entries, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def with_pins(tree: Node, pins: Node | None) -> Node:
    """Return `tree` with the digests that `pins` holds, if there are any, as if they were written there."""
    if pins is None or not isinstance(tree.value, dict):
        return tree
    return Node({**tree.value, PINS[0]: pins}, tree.place, tree.key_place, tree.last_line)


def lone_pins(files: Iterable[str]) -> Iterator[Diagnostic]:
    """Refuse digests of an environment that is not there."""
    files = list(files)
    known = {pins_file(name) for name in map(environment_of, files) if name}
    for file in files:
        if environment_of(file) is None and file not in (PLATFORM, *known):
            name = file.rpartition("/")[2]
            yield Diagnostic(
                "unknown-environment",
                f"found {shown(name)}, the digests of an environment that is not there",
                Place(file, 0, 0),
                help="remove it, or rename it to <environment>.images.yaml",
            )


def pins(tree: Node, file: str) -> Iterator[Diagnostic]:
    """Refuse digests that nothing reads, and services that Argo CD would deploy without one.

    `file` is where the digests of the environment `tree` belong.
    """
    written = find(tree, *PINS)
    if written is not None and written.place.file != file:
        return
    if find(tree, "deploy") is None or tier_of(tree) == "local":
        yield from _idle(written, "an environment that is not deployed", "remove the file")
    elif via(tree) == "helm":
        way_out = "remove the file: with `via: helm` the workflow itself knows what it deploys"
        yield from _idle(written, "an environment with `via: helm`", way_out)
    elif via(tree) == "argocd":
        meant: set[str] = set()
        yield from _unknown(tree, meant)
        yield from _missing(tree, file, meant)


def _idle(written: Node | None, where: str, way_out: str) -> Iterator[Diagnostic]:
    if written is not None:
        yield Diagnostic("unused-key", f"found digests for {where}", written.place, help=way_out)


def _unknown(tree: Node, all_meant: set[str]) -> Iterator[Diagnostic]:
    known = entries(tree, "services")
    for service, node in entries(tree, *PINS).items() if known else ():
        if service not in known:
            meant = closest(service, list(known))
            all_meant.update([meant] if meant else [])
            yield Diagnostic(
                "unknown-service",
                f"found {shown(service)}, which platform.yaml does not have",
                node.key_place or node.place,
                help=choose("service", service, sorted(known)),
            )


def _missing(tree: Node, file: str, misspelt: set[str]) -> Iterator[Diagnostic]:
    pinned = misspelt | entries(tree, *PINS).keys()
    missing = sorted(
        name for name, _ in enabled_services(tree) if name not in pinned and not IDENTIFIER.fault(name)
    )
    if missing:
        environment = file.rpartition("/")[2].split(".")[0]
        command = " ".join(f"{service}=sha256:..." for service in missing)
        yield Diagnostic(
            "missing-pin",
            f"found no digest for {listed(missing)} in {file}",
            place(tree, "deploy", "via"),
            help=f"pin what shall run: gen image pin {command} -e {environment}",
        )
