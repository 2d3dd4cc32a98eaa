"""What `gen explain` claims is what happens: every scalar of a spec is changed once, and the outputs are compared.

A scalar reaches a line when changing the scalar changes that line. Every changed line must be claimed by the place of
that scalar, every scalar must reach a line that a program reads, and at least one claimed line must really change.
"""

from __future__ import annotations

import difflib
import re
import shutil
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from compiler.explain import reached_by
from compiler.output.tree import Tree, collect
from compiler.pipeline import EMITTERS, emit
from compiler.plan.make import make_plans
from compiler.spec.load import load
from compiler.spec.source import Node, parse

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = {
    "reference": ROOT,
    **{path.parent.name: path for path in sorted((ROOT / "tests/golden").glob("*/given"))},
}


@dataclass(frozen=True)
class Scalar:
    """One written value: the file, the keys above it, and the node with its place."""

    file: str
    loc: tuple[str | int, ...]
    node: Node

    def __str__(self) -> str:
        return f"{Path(self.file).stem}:{'.'.join(map(str, self.loc))}"


def _scalars(file: str, node: Node, loc: tuple[str | int, ...] = ()) -> list[Scalar]:
    if isinstance(node.value, dict):
        return [found for key, below in node.value.items() for found in _scalars(file, below, (*loc, key))]
    if isinstance(node.value, list):
        return [found for i, below in enumerate(node.value) for found in _scalars(file, below, (*loc, i))]
    return [Scalar(file, loc, node)]


def _all_scalars() -> list[tuple[str, Scalar]]:
    found = []
    for name, project in PROJECTS.items():
        for path in sorted((project / "environments").glob("*.yaml")):
            file = f"environments/{path.name}"
            root, mistakes = parse(path.read_text(encoding="utf-8"), file)
            assert root is not None, mistakes
            # An exception reaches no output: it decides whether there are any.
            found += [(name, scalar) for scalar in _scalars(file, root) if scalar.loc[0] != "exceptions"]
    return found


def _tree(folder: Path) -> Tree | None:
    spec, _, _ = load(folder)
    if spec is None:
        return None
    return collect([output for plan in make_plans(spec) for output in emit(plan)], folder)[0]


def _copy(project: Path, folder: Path) -> None:
    shutil.copytree(project / "environments", folder / "environments")
    # The scripts of package.json are known as ours by the record of the environment that wrote them.
    for path in (project / "package.json", *project.glob("out/*/.gen.json")):
        if path.exists():
            (folder / path.relative_to(project)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path.relative_to(project))
    platform = yaml.safe_load((folder / "environments/platform.yaml").read_text(encoding="utf-8"))
    for service in platform["services"].values():
        (folder / service["path"]).mkdir(parents=True, exist_ok=True)


def _candidates(value: object, names: list[str]) -> list[str]:
    """Other values to write instead; the first that the compiler accepts, and that changes something, is taken."""
    if isinstance(value, bool):
        return [str(not value).lower()]
    if isinstance(value, int):
        return [str(value + 1), str(value - 1), str(value + 1000)]
    text = str(value)
    return [
        *(['"local"', '"staging"', '"production"'] if text in ("local", "staging", "production") else []),
        yaml.dump(text[:-1] + ("0" if text[-1] != "0" else "1"), width=999).splitlines()[0],
        *([f'"{text}-x"'] if text in ("local", "staging", "production") else []),
        yaml.dump(text + "x", width=999).splitlines()[0],
        yaml.dump(text + "_x", width=999).splitlines()[0],
        *(word for word in ("automated", "manual", "automatic", "app", "person") if text in _WORDS),
        *(day for day in ("sat", "sun", "mon") if text in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
        *(["UTC", "Europe/Rome"] if "/" in text or text == "UTC" else []),
        yaml.dump("x" + text, width=999).splitlines()[0],
        '"2ms"',
        '"1ms"',
        '"gen2:"',
        '"other_{tenant}"',
        '"4s"',
        '"85s"',
        *(word for word in _CHOICES if text in _CHOICES),
        *(names if text in names else ()),
    ]


_CHOICES = ("stop", "continue", "version", "drift", "forward-only", "downgrade")
_WORDS = ("automated", "manual", "automatic", "app", "person")


def before_key(before: str, scalar: Scalar) -> bool:
    """Tell whether nothing but the scalar's own key stands before it on its line."""
    return before.strip() == f"{scalar.loc[-1]}:"


def _variants(folder: Path, scalar: Scalar) -> list[tuple[str, bool]]:
    """Return the file's text with the scalar changed in every way to try, and whether the scalar is still there."""
    text = (folder / scalar.file).read_text(encoding="utf-8")
    lines = text.split("\n")
    place = scalar.node.place
    row, begin, end = place.line - 1, place.column - 1, place.column - 1 + place.length
    line = lines[row]

    names = list(
        yaml.safe_load((folder / "environments/platform.yaml").read_text(encoding="utf-8"))["services"]
    )
    names += [file.stem for file in sorted((folder / "environments").glob("*.yaml"))]

    def with_line(changed: str | None) -> str:
        return "\n".join([*lines[:row], *([] if changed is None else [changed]), *lines[row + 1 :]])

    variants = [
        (with_line(line[:begin] + other + line[end:]), True)
        for other in _candidates(scalar.node.value, names)
        if yaml.safe_load(other) != scalar.node.value
    ]
    if before_key(line[:begin], scalar) and not line[end:].strip():
        variants.append((with_line(None), False))
    if isinstance(scalar.loc[-1], int):
        before, after = line[:begin], line[end:]
        if before.strip() == "-":
            variants.append((with_line(None), False))
        elif after.startswith(","):
            variants.append((with_line(before + after[1:].lstrip()), False))
        else:
            variants.append((with_line(before.rstrip().removesuffix(",") + after), False))
    return variants


def _common(one: list[str], other: list[str]) -> int:
    """Return how many lines two texts have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _whole_block(lines: list[str], start: int, end: int) -> tuple[int, int]:
    """Slide a block that came or went as a whole to where it begins least indented, as a reader would see it.

    Between two blocks that end alike a comparison may as well take the end of one and the beginning of the other.
    """
    if start == end:
        return start, end
    places = [(start, end)]
    while places[-1][0] > 0 and lines[places[-1][0] - 1] == lines[places[-1][1] - 1]:
        places.append((places[-1][0] - 1, places[-1][1] - 1))
    while end < len(lines) and lines[start] == lines[end]:
        start, end = start + 1, end + 1
        places.append((start, end))
    return min(places, key=lambda place: len(lines[place[0]]) - len(lines[place[0]].lstrip()))


def _changed_lines(old: Tree, new: Tree) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """Return the lines of `old` that are gone or replaced, and the lines of `new` that came or replace them."""
    gone, come = set(), set()
    for path in {*old.files, *new.files}:
        before = old.files[path].text.split("\n") if path in old.files else []
        after = new.files[path].text.split("\n") if path in new.files else []
        if before == after:
            continue
        # Most of two files is the same: only what lies between the first and the last difference is compared.
        head = _common(before, after)
        rest = (before[head:], after[head:])
        tail = _common(*(lines[::-1] for lines in rest))
        pair = [lines[: len(lines) - tail] for lines in rest]
        for kind, *edges in difflib.SequenceMatcher(None, *pair, autojunk=False).get_opcodes():
            if kind != "equal":
                i, j, k, m = (edge + head for edge in edges)
                if kind in ("insert", "delete"):
                    (i, j), (k, m) = _whole_block(before, i, j), _whole_block(after, k, m)
                # A line that only lost its comma is what is left when something behind it went.
                lost = {line.removesuffix(",") for line in before[i:j]}
                gone |= {(path, line) for line in range(i + 1, j + 1)}
                come |= {(path, line) for line in range(k + 1, m + 1) if after[line - 1] not in lost}
    return gone, come


def _counting(tree: Tree, lines: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Keep the lines that a program reads: no prose, no comments, no blank lines, no ownership records."""
    kept = set()
    for path, number in lines:
        text = tree.files[path].text.split("\n")[number - 1].strip()
        prose = path.endswith(("README.md", ".gen.json"))
        if not prose and text and (not text.startswith("#") or path.endswith(".json")):
            kept.add((path, number))
    return kept


def _show(tree: Tree, lines: list[tuple[str, int]]) -> list[str]:
    return [
        f"{path}:{number}: {tree.files[path].text.splitlines()[number - 1]}" for path, number in lines[:5]
    ]


@pytest.mark.parametrize(("project", "scalar"), _all_scalars(), ids=str)
def test_scalar(project: str, scalar: Scalar, tmp_path: Path) -> None:
    _copy(PROJECTS[project], tmp_path)
    if scalar.loc == ("postgres", "version"):
        # The tag of the image says the version too, and the two must agree: leave it to the digest.
        path = tmp_path / scalar.file
        path.write_text(
            re.sub(r"postgres:[0-9]+@", "postgres@", path.read_text(encoding="utf-8")), encoding="utf-8"
        )
    old = _tree(tmp_path)
    assert old is not None
    claimed = _claimed(old, scalar)

    effects = set()
    accepted = 0
    for variant, kept in _variants(tmp_path, scalar):
        if kept and effects & claimed:
            continue  # one other value that shows something is enough
        new = _apply(tmp_path, scalar, variant)
        if new is None:
            continue
        accepted += 1
        before, after = _changed_lines(old, new)
        effects |= {*_counting(old, before), *_counting(new, after)}
        if scalar.loc == ("environment",):
            continue
        missed = sorted(_counting(old, before) - claimed)
        assert not missed, f"changed, but not claimed: {_show(old, missed)}"
        if kept:
            missed = sorted(_counting(new, after) - _claimed(new, scalar))
            assert not missed, f"made, but not claimed: {_show(new, missed)}"
    if not accepted and _needs_another_change(scalar, tmp_path):
        return
    assert accepted, "no other value of this scalar is accepted: the test must know one"
    assert claimed, "this scalar reaches no output"
    if "after" in scalar.loc and not effects:
        # An order that is also the order of the names needs no `after`; another case shows that it decides.
        return
    assert effects & claimed, f"claimed, but nothing changes: {_show(old, sorted(claimed))}"


def _needs_another_change(scalar: Scalar, folder: Path) -> bool:
    """Tell whether no single change may replace this scalar: pins, a promotion, a way down, a canary would follow."""
    if scalar.loc == ("rollback", "downgrade_test"):
        return "schema: downgrade" in (folder / scalar.file).read_text("utf-8")
    if scalar.loc == ("environment",):
        texts = [path.read_text(encoding="utf-8") for path in (folder / "environments").glob("*.yaml")]
        return any(f"to: {scalar.node.value}" in text for text in texts)
    if scalar.loc[0] == "tenants" and f"canary: [{scalar.node.value}]" in (folder / scalar.file).read_text(
        "utf-8"
    ):
        return True
    pinned = (folder / "environments" / f"{Path(scalar.file).stem}.images.yaml").exists()
    if "after" in scalar.loc:
        return True
    return scalar.loc in (("deploy", "via"), ("promote", "to")) or (scalar.loc[-1] == "enabled" and pinned)


def _claimed(tree: Tree, scalar: Scalar) -> set[tuple[str, int]]:
    lines = reached_by(tree, EMITTERS, scalar.file, scalar.node.place.line)
    return {(line.path, line.number) for line in lines}


def _apply(folder: Path, scalar: Scalar, variant: str) -> Tree | None:
    """Return the tree with `variant` in place of the scalar's file; nothing if the spec is refused."""
    path = folder / scalar.file
    original = path.read_text(encoding="utf-8")
    try:
        spec = yaml.safe_load(variant)
    except yaml.YAMLError:
        return None
    pins = path.stem.endswith(".images")
    if path.stem != "platform" and not pins and "environment" not in (spec or {}):
        return None
    for service in (spec.get("services") or {}).values():
        if service and "path" in service:
            (folder / service["path"]).mkdir(parents=True, exist_ok=True)
    target = path if path.stem == "platform" or pins else path.with_name(f"{spec['environment']}.yaml")
    if target != path and target.exists():
        return None
    # The digests of an environment follow its name.
    digests = (path.with_name(f"{path.stem}.images.yaml"), target.with_name(f"{target.stem}.images.yaml"))
    path.unlink()
    target.write_text(variant, encoding="utf-8")
    if digests[0].exists():
        digests[0].rename(digests[1])
    tree = _tree(folder)
    if digests[1].exists():
        digests[1].rename(digests[0])
    target.unlink()
    path.write_text(original, encoding="utf-8")
    return tree
