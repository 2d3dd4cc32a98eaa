"""What runs after what, into one order, or the cycles that forbid one."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet


def in_order(after: Mapping[str, AbstractSet[str]]) -> tuple[list[str], list[list[str]]]:
    """Return the names so that each follows those it comes after, ties by name; and every cycle found.

    A cycle is the list of its names, each coming after the next and the last after the first. Names that are not
    keys of `after` are ignored.
    """
    open_ends = {name: sum(other in after for other in others) for name, others in after.items()}
    followers: dict[str, list[str]] = {name: [] for name in after}
    for name, others in after.items():
        for other in others:
            if other in followers:
                followers[other].append(name)
    order: list[str] = []
    cycles: list[list[str]] = []
    ready = [name for name, count in open_ends.items() if count == 0]
    heapify(ready)
    while len(order) < len(after):
        if not ready:
            cycles.append(_cycle(after, open_ends.keys()))
            ready = [min(cycles[-1])]
        name = heappop(ready)
        if open_ends.pop(name, None) is None:
            continue
        order.append(name)
        for follower in followers[name]:
            if follower in open_ends:
                open_ends[follower] -= 1
                if open_ends[follower] == 0:
                    heappush(ready, follower)
    return order, cycles


def _cycle(after: Mapping[str, AbstractSet[str]], left: AbstractSet[str]) -> list[str]:
    """Walk from a name along the smallest of those it waits for until one comes up again."""
    name = min(left)
    path: dict[str, int] = {}
    while name not in path:
        path[name] = len(path)
        name = min(other for other in after[name] if other in left)
    return list(path)[path[name] :]
