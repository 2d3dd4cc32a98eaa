"""The digests of an environment's images, from their own file into the tree of that environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from compiler.spec.files import PLATFORM, environment_of, pins_file
from compiler.spec.model import PINS
from compiler.spec.shown import shown
from compiler.spec.source import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def with_pins(tree: Node, pins: Node) -> Node:
    """Return `tree` with the digests that `pins` holds, as if they were written there."""
    assert isinstance(tree.value, dict)
    return Node({**tree.value, PINS[0]: pins}, tree.place, tree.key_place, tree.last_line)


def lone_pins(trees: Mapping[str, Node]) -> Iterator[Diagnostic]:
    """Refuse digests of an environment that is not there."""
    known = {pins_file(name) for name in map(environment_of, trees) if name}
    for file in trees:
        if environment_of(file) is None and file not in (PLATFORM, *known):
            name = file.rpartition("/")[2]
            yield Diagnostic(
                "unknown-environment",
                f"found {shown(name)}, the digests of an environment that is not there",
                Place(file, 0, 0),
                help="remove it, or rename it to <environment>.images.yaml",
            )
