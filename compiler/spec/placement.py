"""One file on its own: what it may say, whether it says it once, and whether what it points at exists."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note
from compiler.spec.faults import empty, pattern
from compiler.spec.files import PLATFORM, environment_of
from compiler.spec.kinds import PATH
from compiler.spec.model import ENVIRONMENT_ONLY, PINS, PLATFORM_ONLY
from compiler.spec.shown import choose, shown
from compiler.spec.source import Node
from compiler.spec.spec import find
from compiler.spec.written import entries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

_SETS = {
    "tenants",
    "canary",
    "secrets",
    "after",
    "extension_schemas",
    "days",
    "egress",
    "ingress_from",
}


def own_rules(file: str, tree: Node) -> Iterator[Diagnostic]:
    """Refuse what belongs into another file, a name that is not the file's, empty values and repeated items."""
    elsewhere = ENVIRONMENT_ONLY if file == PLATFORM else PLATFORM_ONLY
    where = "an environment's own file" if file == PLATFORM else "platform.yaml"
    is_pins = file != PLATFORM and environment_of(file) is None
    todo: list[tuple[tuple[str, ...], Node]] = [(PINS if is_pins else (), tree)]
    while todo:
        loc, node = todo.pop()
        if loc and pattern(loc) in elsewhere:
            yield _elsewhere(loc, node, where)
        elif loc == PINS and not is_pins:
            yield _elsewhere(loc, node, "environments/<name>.images.yaml")
        elif isinstance(node.value, dict):
            todo += [((*loc, key), below) for key, below in node.value.items()]
        elif isinstance(node.value, list):
            todo += [((*loc, ""), item) for item in node.value]
            if loc and loc[-1] in _SETS:
                yield from _repeated(node.value)
        elif node.value is None:
            yield empty(node)
    if environment_of(file) is not None:
        yield from _name(file, tree)


def _elsewhere(loc: tuple[str, ...], node: Node, where: str) -> Diagnostic:
    return Diagnostic(
        "wrong-file",
        f"found {shown(loc[-1])}, which only {where} may hold",
        node.key_place or node.place,
        help=f"move it to {where}",
    )


def _repeated(nodes: list[Node]) -> Iterator[Diagnostic]:
    first: dict[str | int, Node] = {}
    for node in nodes:
        if not isinstance(node.value, str | int):
            continue
        if node.value in first:
            yield Diagnostic(
                "duplicate-item",
                f"found {shown(node.value)} twice",
                node.place,
                (Note("the first is here", first[node.value].place),),
                "keep one of them",
            )
        first.setdefault(node.value, node)


def _name(file: str, tree: Node) -> Iterator[Diagnostic]:
    node, stem = find(tree, "environment"), PurePosixPath(file).stem
    if node and isinstance(node.value, str) and node.value != stem:
        yield Diagnostic(
            "environment-name",
            f"found {shown(node.value)} in a file of another name",
            node.place,
            help=f'write "{stem}", or rename the file to {node.value}.yaml',
        )


def known_services(tree: Node, known: AbstractSet[str]) -> tuple[Node, list[Diagnostic]]:
    """Return an environment's `tree` without the services that platform.yaml does not have, and those as mistakes."""
    services = find(tree, "services")
    if services is None or not isinstance(services.value, dict) or not isinstance(tree.value, dict):
        return tree, []
    faults = []
    for name, node in services.value.items():
        if name not in known:
            faults.append(
                Diagnostic(
                    "unknown-service",
                    f"found {shown(name)}, which platform.yaml does not have",
                    node.key_place or node.place,
                    help=choose("service", name, sorted(known)),
                )
            )
    kept = {name: node for name, node in services.value.items() if name in known}
    value = {**tree.value, "services": Node(kept, services.place, services.key_place, services.last_line)}
    return Node(value, tree.place, tree.key_place, tree.last_line), faults


def folders(root: Path, platform: Node) -> Iterator[Diagnostic]:
    """Refuse a service's path that is no folder of the repository."""
    inside = os.path.realpath(root)
    for service in entries(platform, "services").values():
        node = find(service, "path")
        if node is None or not isinstance(node.value, str) or PATH.fault(node.value):
            continue
        real = os.path.realpath(root / node.value)
        if os.path.commonpath([inside, real]) != inside:
            message = f"found {shown(node.value)}, which leads out of the repository"
            yield Diagnostic(
                "outside-repository", message, node.place, help="replace the link by the folder itself"
            )
        elif not Path(real).is_dir():
            message = f"found {shown(node.value)}, which is not a folder of this repository"
            yield Diagnostic(
                "no-folder", message, node.place, help="write the service's folder, relative to the root"
            )
