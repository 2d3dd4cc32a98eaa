"""Measures the compiler: `gen` into an empty folder, with nothing to do, and `gen --check`, next to two floors.

All variants alternate in one run, so a busy machine slows all of them alike; read the ratios, not the milliseconds.
The floors are `python -c pass` and a plain PyYAML + Jinja2 script over the same input that checks nothing.

    make bench            # both projects
    .venv/bin/python bench/compile.py --rounds 21 --only small
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import resource

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS, SERVICES, TENANTS = 50, 30, 200

FLOOR_SCRIPT = """
import pathlib, sys, yaml, jinja2
root = pathlib.Path(sys.argv[1])
template = jinja2.Environment(trim_blocks=True).from_string(pathlib.Path(sys.argv[2]).read_text())
platform = yaml.load((root / "environments/platform.yaml").read_text(), yaml.CSafeLoader)
for path in sorted((root / "environments").glob("*.yaml")):
    if path.stem == "platform":
        continue
    spec = {**platform, **yaml.load(path.read_text(), yaml.CSafeLoader)}
    target = root / "floor" / path.stem
    target.mkdir(parents=True, exist_ok=True)
    (target / "plan.txt").write_text(template.render(env=spec))
"""

FLOOR_TEMPLATE = """platform: {{ env.platform }}
environment: {{ env.environment }}
tenants:
{% for tenant in env.tenants %}
  - {{ tenant }}
{% endfor %}
services:
{% for name, service in env.services|dictsort %}
  - name: {{ name }}
    path: {{ service.path }}
    port: {{ service.port }}
    health: {{ service.health }}
    schema: {{ service.migrations.schema }}
    database: {{ service.database }}
    url_env: {{ service.migrations.url_env }}
    command: {{ service.dev|join(" ") }}
{% endfor %}
"""


def main() -> None:
    """Parse the arguments, run both projects, print one table each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=11, help="how often each variant runs (default: 11)")
    parser.add_argument("--only", choices=("small", "large"), help="one of the two projects")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "large":
            _measure("small: the reference platform", _small(Path(folder) / "small"), options.rounds)
        if options.only != "small":
            title = f"large: {ENVIRONMENTS} environments x {SERVICES} services x {TENANTS} tenants"
            _measure(title, _large(Path(folder) / "large"), max(3, options.rounds // 3))


def _small(root: Path) -> Path:
    shutil.copytree(ROOT / "environments", root / "environments")
    for service in (ROOT / "python_apps").iterdir():
        (root / "python_apps" / service.name).mkdir(parents=True)
    return root


def _large(root: Path) -> Path:
    (root / "environments").mkdir(parents=True)
    services = {}
    for number in range(SERVICES):
        name = f"service-{number:02}"
        (root / "apps" / name).mkdir(parents=True)
        services[name] = {
            "path": f"apps/{name}",
            "port": 9000 + number,
            "health": "/health",
            "database": f"db_{number:02}",
            "dev": ["python", "-m", "app"],
            "migrations": {
                "schema": f"s{number:02}_{{tenant}}",
                "url_env": f"DB_{number:02}_URL",
                **({"after": [f"service-{number - 1:02}"]} if number else {}),
            },
        }
    platform = {
        "platform": "bench",
        "registry": "registry.example.com/bench",
        "tenants_env": "TENANTS",
        "postgres": {"version": 16, "image": "postgres:16@sha256:" + "0" * 64},
        "services": services,
    }
    # JSON is YAML; the floor script reads the same file.
    (root / "environments/platform.yaml").write_text(json.dumps(platform, indent=1), encoding="utf-8")
    for number in range(ENVIRONMENTS):
        name = "local" if number == 0 else f"staging-{number:02}"
        tenants = [f"tenant-{tenant:03}" for tenant in range(TENANTS)]
        text = f"environment: {name}\ntenants:\n" + "".join(f"  - {tenant}\n" for tenant in tenants)
        (root / f"environments/{name}.yaml").write_text(text, encoding="utf-8")
    return root


def _measure(title: str, root: Path, rounds: int) -> None:
    script, template = root / "floor.py", root / "floor.j2"
    script.write_text(FLOOR_SCRIPT, encoding="utf-8")
    template.write_text(FLOOR_TEMPLATE, encoding="utf-8")
    gen = [str(Path(sys.executable).with_name("gen"))]
    variants: dict[str, tuple[list[str], bool]] = {
        "python -c pass": ([sys.executable, "-c", "pass"], False),
        "PyYAML + Jinja2 script": ([sys.executable, str(script), str(root), str(template)], False),
        "gen, empty folder": (gen, True),
        "gen, nothing to do": (gen, False),
        "gen --check": ([*gen, "--check"], False),
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    peaks: dict[str, float] = {}
    for _ in range(rounds):
        for name, (command, empty) in variants.items():
            if empty:
                for made in ("out", "package.json", ".env.example", ".gen"):
                    path = root / made
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            took, peaks[name] = _run(command, root)
            seconds[name].append(took)
    outputs = [path for path in (root / "out").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in outputs)
    print(f"\n{title}: {len(outputs)} outputs, {size / 1e6:.1f} MB, {rounds} rounds")
    print(f"{'':26}{'median ms':>10}{'x pass':>8}{'x script':>10}{'peak MiB':>10}")
    floor, plain = (statistics.median(seconds[name]) for name in list(variants)[:2])
    for name, times in seconds.items():
        median = statistics.median(times)
        print(
            f"{name:26}{median * 1e3:>10.1f}{median / floor:>8.1f}{median / plain:>10.2f}{peaks[name]:>10.0f}"
        )


def _run(command: list[str], cwd: Path) -> tuple[float, float]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    if status:
        assert process.stderr is not None
        sys.exit(f"{command}: {process.stderr.read().decode()}")
    process.returncode = 0
    return took, _mebibytes(usage)


def _mebibytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
