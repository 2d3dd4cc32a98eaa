"""Measures the compiler: `gen` into an empty folder, with nothing to do, and `gen --check`, next to others.

All variants alternate in one run, so a busy machine slows all of them alike: read the ratios, not the milliseconds, and
the CPU time where the machine is busy. `peers.py` says what the others do. A second table shows memory and time by the
number of environments.

    make bench            # all projects
    .venv/bin/python -m bench.compile --rounds 21 --only small
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import peers
from bench.measure import Times, Variant, alternate
from bench.projects import LARGE, SMALL, made_up, reference

if TYPE_CHECKING:
    from collections.abc import Mapping

GROWTH = (10, 25, 50)
PASS, SCRIPT, HELM, KAPITAN = "python -c pass", "PyYAML + Jinja2 script", "helm template", "kapitan compile"
EMPTY, NOTHING, CHECK = "gen, empty folder", "gen, nothing to do", "gen --check"


def main() -> None:
    """Parse the arguments, measure, print a table for each project and one for growth."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=11, help="how often each variant runs (default: 11)")
    parser.add_argument("--only", choices=("small", "reference", "large", "growth"), help="one of the tables")
    parser.add_argument("--gen", action="append", help="another gen to compare with, by its path; repeatable")
    options = parser.parse_args()
    programs = [str(Path(sys.executable).with_name("gen")), *(options.gen or ())]
    with tempfile.TemporaryDirectory() as folder:
        if options.only in (None, "small"):
            project = made_up(Path(folder) / "small", SMALL, local=False)
            _compare(f"small: {SMALL}", project, programs, options.rounds)
        if options.only in (None, "reference"):
            project = reference(Path(folder) / "reference")
            _compare(
                "the reference platform, of which two environments have a chart",
                project,
                programs,
                options.rounds,
            )
        if options.only in (None, "large"):
            project = made_up(Path(folder) / "large", LARGE, local=True)
            _compare(f"large: {LARGE}", project, programs, max(3, options.rounds // 3))
        if options.only in (None, "growth"):
            _grow(Path(folder), programs[0], max(3, options.rounds // 3))


def _compare(title: str, root: Path, programs: list[str], rounds: int) -> None:
    alternate({EMPTY: Variant([[programs[0]]])}, root, 1)
    work, scratch = root.with_name(f"{root.name}-kapitan"), root.with_name(f"{root.name}-scratch")
    scratch.mkdir()
    peers.write_inventory(root, work)
    variants = {
        PASS: Variant([[sys.executable, "-c", "pass"]]),
        SCRIPT: peers.script(work),
        HELM: peers.helm(root, scratch),
        KAPITAN: peers.kapitan(work),
    }
    for number, program in enumerate(programs):
        tag = f" ({number + 1})" if number else ""
        variants[EMPTY + tag] = Variant([[program]], partial(_empty, root))
        variants[NOTHING + tag] = Variant([[program]])
        variants[CHECK + tag] = Variant([[program, "--check"]])
    times = alternate(variants, root, rounds)
    outputs = _outputs(root)
    size = sum(path.stat().st_size for path in outputs)
    print(f"\n{title}: {len(outputs)} outputs, {size / 1e6:.1f} MB, {rounds} rounds")
    _table(times)
    written, peer_size = peers.documents(work / "compiled")
    wanted, own_size = peers.documents(root / "out", charts=True)
    print(
        f"Helm runs: {len(variants[HELM].commands)}. YAML documents for a cluster: {wanted} in {own_size:.1f} MB;"
        f" kapitan writes {written} in {peer_size:.1f} MB."
    )
    if written != wanted:
        sys.exit("bench: kapitan's job is not the same any more, see peers.py")


def _table(times: Mapping[str, Times]) -> None:
    floor, plain, helm = times[PASS], times[SCRIPT], times[HELM]
    names = ("median ms", "CPU ms", "x pass", "x script", "x helm", "CPU x helm", "peak MiB")
    print(f"{'':26}" + "".join(f"{name:>11}" for name in names))
    for name, one in times.items():
        print(
            f"{name:26}{one.ms:>11.0f}{one.cpu_ms:>11.0f}{one.ms / floor.ms:>11.1f}{one.ms / plain.ms:>11.2f}"
            f"{one.ms / helm.ms:>11.2f}{one.cpu_ms / helm.cpu_ms:>11.2f}{one.peak:>11.0f}"
        )


def _grow(folder: Path, program: str, rounds: int) -> None:
    sizes = {count: LARGE._replace(environments=count) for count in GROWTH}
    roots = {count: made_up(folder / f"growth-{count}", size, local=True) for count, size in sizes.items()}
    variants: dict[str, Variant] = {}
    for count, root in roots.items():
        variants[f"{count} environments"] = Variant([[program]], partial(_empty, root), cwd=root)
        variants[f"{count}, --check"] = Variant([[program, "--check"]], cwd=root)
    times = alternate(variants, folder, rounds)
    print(f"\ngrowth: {LARGE.services} services x {LARGE.tenants} tenants, {rounds} rounds")
    print(f"{'':26}" + "".join(f"{name:>15}" for name in ("median ms", "CPU ms", "CPU ms each", "peak MiB")))
    for name, one in times.items():
        count = int(name.split(",")[0].split()[0])
        print(f"{name:26}{one.ms:>15.0f}{one.cpu_ms:>15.0f}{one.cpu_ms / count:>15.1f}{one.peak:>15.0f}")


def _empty(root: Path) -> None:
    for made in ("out", "package.json", ".env.example", ".gen", ".github"):
        path = root / made
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _outputs(root: Path) -> list[Path]:
    return [path for made in ("out", ".github") for path in (root / made).rglob("*") if path.is_file()]


if __name__ == "__main__":
    main()
