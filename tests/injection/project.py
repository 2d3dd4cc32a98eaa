"""A project in which every text field is written, with other texts in them, compiled in process."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from compiler.diagnostics.model import Diagnostic
from compiler.output.tree import collect
from compiler.pipeline import emit
from compiler.plan.make import make_plans
from compiler.spec.load import load
from compiler.spec.source import Node, parse
from compiler.spec.spec import find
from tests.injection.fields import ANY, ITEM, KEY, TextField

GIVEN = Path(__file__).parents[1] / "golden/every-field/given"
# A way into a cluster for which the golden case has no environment left.
BY_KUBECONFIG: dict[str, Any] = {
    "environment": "staging-in",
    "deploy": {"branch": "in", "namespace": "shop-in", "cluster": {"kubeconfig": "SHOP_KUBECONFIG"}},
}
Loc = tuple[Any, ...]


@dataclass(frozen=True)
class Spot:
    """Where a text field is written: a file (without folder and ending) and the keys above it."""

    file: str
    loc: Loc
    is_key: bool = False

    def holding(self, text: str) -> Spot:
        """Return the place once `text` is written there: a key is a step of its own place."""
        return Spot(self.file, (*self.loc[:-1], text), True) if self.is_key else self


class Texts:
    """The texts of a project's files as plain data, to be changed and written."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {
            path.name.removesuffix(".yaml"): yaml.safe_load(path.read_text("utf-8"))
            for path in sorted((GIVEN / "environments").glob("*.yaml"))
        }
        # Under any other name it is what it is.
        self.files["staging-us"]["tier"] = "staging"
        deploy = {**self.files["staging-us"]["deploy"], **BY_KUBECONFIG["deploy"]}
        self.files["staging-in"] = copy.deepcopy(
            {**self.files["staging-us"], **BY_KUBECONFIG, "deploy": deploy}
        )

    def copy(self) -> Texts:
        return copy.deepcopy(self)

    def spot(self, field: TextField) -> Spot:
        """Return the first place at which `field` is written."""
        is_key = field.loc[-1] == KEY
        order = sorted(self.files, key=lambda name: (name != "platform", name))
        if field.loc[0] == "images":
            order = [name for name in order if name.endswith(".images")]
        for name in order:
            loc = field.loc[1:] if field.loc[0] == "images" else field.loc
            for found in _matching(self.files[name], loc[:-1] if is_key else loc):
                if not is_key:
                    return Spot(name, found)
                # The last: the first ones hold other fields.
                return Spot(name, (*found, list(at(self.files[name], found))[-1]), is_key=True)
        raise AssertionError(f"{field} is written nowhere: write it into the golden case every-field")

    def text(self, spot: Spot) -> Any:
        return spot.loc[-1] if spot.is_key else at(self.files[spot.file], spot.loc)

    def set(self, spot: Spot, text: str) -> None:
        """Write `text` where a text field is written."""
        above = at(self.files[spot.file], spot.loc[:-1])
        if not spot.is_key:
            above[spot.loc[-1]] = text
            return
        entries = [(text if key == spot.loc[-1] else key, value) for key, value in above.items()]
        above.clear()
        above.update(entries)

    def rename(self, old: str, new: str) -> None:
        """Give what is called `old` another name: where it is named, it is a text or a key of its own."""
        self.files = {
            _renamed_file(name, old, new): _renamed(data, old, new) for name, data in self.files.items()
        }

    def write(self, folder: Path) -> Path:
        environments = folder / "environments"
        environments.mkdir(parents=True, exist_ok=True)
        for stale in environments.iterdir():
            stale.unlink()
        for name, data in self.files.items():
            (environments / f"{name}.yaml").write_text("\n".join(_lines(data)) + "\n", "utf-8")
        for service in (self.files["platform"].get("services") or {}).values():
            path = service.get("path") if isinstance(service, dict) else None
            if isinstance(path, str) and path.isprintable() and path[:1].isalnum() and ".." not in path:
                (folder / path).mkdir(parents=True, exist_ok=True)
        package = folder / "package.json"
        package.write_bytes((GIVEN / "package.json").read_bytes())
        return folder


def refusals(folder: Path) -> list[Diagnostic]:
    """Return everything that is wrong with the project in `folder`."""
    spec, found, _ = load(folder)
    assert (spec is None) == bool(found)
    return found


def lines_of(folder: Path, spots: Iterable[Spot]) -> dict[Spot, tuple[str, int]]:
    """Return file and line of what is written at each of `spots`; every value and every key has a line of its own."""
    trees: dict[str, Node] = {}
    found = {}
    for spot in spots:
        file = f"environments/{spot.file}.yaml"
        if file not in trees:
            tree, _ = parse((folder / file).read_text("utf-8"), file)
            assert tree is not None
            trees[file] = tree
        node = find(trees[file], *spot.loc)
        assert node is not None, spot
        place = node.key_place if spot.is_key and node.key_place else node.place
        found[spot] = (file, place.line)
    return found


def compile_texts(folder: Path) -> Mapping[str, str]:
    """Compile the project in `folder`; returns path → text of every output."""
    spec, found, _ = load(folder)
    assert spec is not None, found
    tree, wrong = collect([output for plan in make_plans(spec) for output in emit(plan)], folder)
    assert tree is not None, wrong
    return {path: file.text for path, file in tree.files.items()}


def at(data: Any, loc: Loc) -> Any:
    for step in loc:
        data = data[step]
    return data


def _matching(data: Any, pattern: tuple[str, ...], loc: Loc = ()) -> Iterator[Loc]:
    if not pattern:
        yield loc
        return
    step = pattern[0]
    if step == ITEM and isinstance(data, list):
        # The last word of a command: the first is a program.
        for number in reversed(range(len(data))):
            yield from _matching(data[number], pattern[1:], (*loc, number))
    elif isinstance(data, dict):
        for key in data if step == ANY else [step]:
            if key in data:
                yield from _matching(data[key], pattern[1:], (*loc, key))


def _renamed_file(name: str, old: str, new: str) -> str:
    stem, dot, rest = name.partition(".")
    return (new if stem == old else stem) + dot + rest


def _renamed(data: Any, old: str, new: str) -> Any:
    if isinstance(data, dict):
        return {new if key == old else key: _renamed(value, old, new) for key, value in data.items()}
    if isinstance(data, list):
        return [_renamed(item, old, new) for item in data]
    return new if data == old else data


def _lines(data: Any, indent: str = "") -> Iterator[str]:
    """Spell data as YAML, each value on a line of its own. It shares nothing with the code under test."""
    pairs = data.items() if isinstance(data, dict) else (("-", item) for item in data)
    for key, value in pairs:
        head = f"{indent}-" if isinstance(data, list) else f"{indent}{_scalar(key)}:"
        if isinstance(value, (dict, list)) and value:
            yield head
            yield from _lines(value, indent + "  ")
        else:
            yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if value == [] or value == {}:
        return "[]" if value == [] else "{}"
    if not isinstance(value, str):
        return "null" if value is None else str(value).lower()
    return '"' + "".join(_character(one) for one in value) + '"'


def _character(one: str) -> str:
    if one in '"\\':
        return "\\" + one
    if one.isprintable() and one != "\u00a0":
        return one
    return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"
