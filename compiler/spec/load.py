"""The folder `environments/` into a checked Spec, or into everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from compiler.diagnostics.model import Diagnostic, Place
from compiler.spec import deployments, policy, rules, treatment
from compiler.spec.claims import across
from compiler.spec.faults import faults_of
from compiler.spec.files import PLATFORM, environment_of, pins_file, read, spec_files
from compiler.spec.merge import merge
from compiler.spec.model import PLATFORM_ONLY, Environment
from compiler.spec.order import in_order
from compiler.spec.pins import lone_pins, pins, with_pins
from compiler.spec.placement import folders, known_services, own_rules
from compiler.spec.resources import resources, workers
from compiler.spec.schemas import schemas
from compiler.spec.secrets import blot, hide, secrets_in
from compiler.spec.shown import shown
from compiler.spec.source import Node, normalize, parse
from compiler.spec.spec import EnvironmentSpec, Spec
from compiler.spec.tiers import tier_of, tiers
from compiler.spec.written import entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Sources = dict[str, str]
# What is judged in each environment for itself.
_RULES = (
    rules.ports,
    rules.server,
    rules.databases,
    rules.variables,
    rules.names,
    rules.disabled,
    treatment.canary,
    treatment.timeouts,
    schemas,
    resources,
    workers,
    deployments.own,
    policy.unknown,
)


def load(root: Path, given: Mapping[str, str] | None = None) -> tuple[Spec | None, list[Diagnostic], Sources]:
    """Read and check every environment under `root`; a Spec only when nothing is wrong.

    `given` holds texts by file that count instead of what is on disk: an edit that is not written yet. The
    diagnostics are sorted by place, each once. The sources are the texts for showing their lines, with everything
    that looks like a secret blotted out.
    """
    sources: Sources = {}
    hidden: list[Node] = []
    found, reading = spec_files(root)
    files = sorted({*found, *(given or {})})
    trees, faults = _trees(root, files, given or {}, sources, hidden)
    specs, grammar, together = _check(root, trees, files)
    faults = hide(_settle([*reading, *faults], grammar, together), hidden)
    return (None if faults else Spec(tuple(specs))), faults, sources


def read_trees(root: Path) -> dict[str, Node]:
    """Return the files under `root` as they are written, as far as they can be read, whatever is wrong with them."""
    return _trees(root, spec_files(root)[0], {}, {}, [])[0]


def _trees(
    root: Path, files: list[str], given: Mapping[str, str], sources: Sources, hidden: list[Node]
) -> tuple[dict[str, Node], list[Diagnostic]]:
    faults: list[Diagnostic] = []
    trees: dict[str, Node] = {}
    for file in (PLATFORM, *files):
        text, found = (given[file], []) if file in given else read(root, file)
        faults += found
        tree, found = (None, []) if text is None else _tree(text, file, sources, hidden)
        faults += found
        if tree is not None:
            trees[file] = tree
    return trees, faults


def _tree(text: str, file: str, sources: Sources, hidden: list[Node]) -> tuple[Node | None, list[Diagnostic]]:
    """Read the text of one file into a tree whose root is a map; note the text and what must not be shown of it."""
    text = normalize(text)
    tree, faults = parse(text, file)
    found = list(secrets_in(tree)) if tree else []
    hidden += [node for node, _ in found]
    sources[file] = blot(text, (node for node, _ in found))
    faults += [fault for _, fault in found if fault]
    if tree is not None and not isinstance(tree.value, dict):
        what = "an empty file" if tree.value is None else shown(tree.value)
        what_first = "platform: <name>" if file == PLATFORM else "environment: <name>"
        if environment_of(file) is None and file != PLATFORM:
            what_first = "<service>: sha256:<64 hex digits>"
        way_out = f"write {what_first} first"
        faults.append(
            Diagnostic("wrong-type", f"found {what} where a map is needed", Place(file, 0, 0), help=way_out)
        )
        tree = None
    return tree, faults


def _check(
    root: Path, trees: dict[str, Node], files: list[str]
) -> tuple[list[EnvironmentSpec], list[Diagnostic], list[Diagnostic]]:
    """Return the environments without mistakes, the mistakes of single values, and those of values together.

    Of the `files` only those that could be read are in `trees`.
    """
    platform = trees.get(PLATFORM)
    alone = [fault for file, tree in trees.items() for fault in own_rules(file, tree)]
    alone += lone_pins(files)
    together: list[Diagnostic] = []
    merged: dict[str, Node] = {}
    specs = []
    if platform is not None:
        _, faults = _validate(platform, PLATFORM, PLATFORM_ONLY)
        alone += [*faults, *folders(root, platform)]
        together += rules.order(platform)
    for file, tree in trees.items():
        name = environment_of(file)
        if name is None:
            continue
        pinned = trees.get(pins_file(name))
        if platform is None:
            alone += _validate(with_pins(tree, pinned), file, {("environment",)})[1]
            continue
        services = entries(platform, "services").keys()
        known, faults = known_services(tree, services) if services else (tree, [])
        merged[file] = with_pins(merge(platform, known), pinned)
        model, more = _validate(merged[file], file, None)
        alone += [*faults, *more]
        if model is not None:
            specs.append(_environment(model, merged[file]))
    for file, tree in merged.items():
        together += [fault for rule in _RULES for fault in rule(tree)]
        digests = pins_file(environment_of(file) or "")
        if digests in trees or digests not in files:
            together += pins(tree, digests)
    together += [*tiers(merged), *policy.limits(merged), *policy.looser(merged)]
    together += [*policy.missing_canary(merged), *policy.untested_downgrade(merged), *across(merged, files)]
    together += policy.unread(merged)
    if len(specs) == sum(environment_of(file) is not None for file in files) and not alone + together:
        together += policy.idle(merged)
    return specs, _without_empty_unknowns(alone), together


def _without_empty_unknowns(faults: list[Diagnostic]) -> list[Diagnostic]:
    """Leave out that a key has no value where it does not exist anyway."""
    unknown = {(fault.place.file, fault.place.line) for fault in faults if fault.code == "unknown-key"}
    return [
        fault
        for fault in faults
        if fault.code != "empty-value" or (fault.place.file, fault.place.line) not in unknown
    ]


def _validate(
    tree: Node, file: str, required: Iterable[tuple[str, ...]] | None
) -> tuple[Environment | None, list[Diagnostic]]:
    """Check a tree by the grammar; of the keys it lacks only those `required` are reported, `None` for all."""
    try:
        return Environment.model_validate(tree.plain()), []
    except ValidationError as error:
        return None, faults_of(error, tree, file, required)


def _environment(model: Environment, tree: Node) -> EnvironmentSpec:
    after = {
        name: set(service.migrations.after)
        for name, service in model.services.items()
        if service.enabled and service.migrations is not None
    }
    return EnvironmentSpec(model, tree, tuple(in_order(after)[0]), tier_of(tree) or "")


def _settle(*phases: list[Diagnostic]) -> list[Diagnostic]:
    """Sort all mistakes by place, each once; what an earlier phase refused is not judged again by a later one."""
    settled: list[Diagnostic] = []
    spoiled: set[tuple[str, int, int]] = set()
    for phase in phases:
        found = [fault for fault in dict.fromkeys(phase) if _spot(fault.place) not in spoiled]
        settled += found
        spoiled.update(_spot(fault.place) for fault in found if fault.place.line)
    return sorted(settled, key=lambda fault: (fault.place, fault.code, fault.message))


def _spot(place: Place) -> tuple[str, int, int]:
    return place.file, place.line, place.column
