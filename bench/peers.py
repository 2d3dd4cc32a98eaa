"""The charts that `gen` wrote into the same job for other tools: Helm, kapitan, and a plain script.

Helm renders those very charts, one process per environment, as it must. kapitan and the script know an inventory with
the same environments, services and tenants, and templates of the same documents: the chart's own texts, in which
each value of the spec is replaced by an expression and each repetition by a loop. So they write as many YAML documents
as Helm prints, and those of Argo CD. They check nothing, and they make neither workflows, nor compose file, nor guides.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from typing import TYPE_CHECKING, Any

import yaml

from bench.measure import Variant
from bench.projects import digest
from genlint.tools.build import built, cache

if TYPE_CHECKING:
    from pathlib import Path

KAPITAN = "0.36.3"
_WORKER = '        - name: "migrate-'
_VOLUMES = "      volumes:\n"
_HEAD = "{% set p = inventory.parameters %}"
_LOOP = "{% for s in p.services %}"

SCRIPT = """
import pathlib, sys, yaml, jinja2
root = pathlib.Path(sys.argv[1])
environment = jinja2.Environment(loader=jinja2.FileSystemLoader(root), trim_blocks=True)
platform = yaml.load((root / "inventory/classes/platform.yml").read_text(), yaml.CSafeLoader)["parameters"]
for path in sorted((root / "inventory/targets").glob("*.yml")):
    own = yaml.load(path.read_text(), yaml.CSafeLoader)["parameters"]
    for item in own["kapitan"]["compile"]:
        for name in item["input_paths"]:
            target = root / "scripted" / path.stem / item["output_path"]
            target.mkdir(parents=True, exist_ok=True)
            text = environment.get_template(name).render(inventory={"parameters": {**platform, **own}})
            (target / name.rpartition("/")[2]).write_text(text)
"""


def helm(root: Path, scratch: Path) -> Variant:
    """`helm template` once for each chart below `root`, with the digests that it wants."""
    program = built(lambda text: print(text, file=sys.stderr))[0] / "helm"
    commands = []
    for chart in sorted(root.glob("out/*/chart")):
        environment = chart.parent.name
        values = chart / "images.yaml"
        if not values.exists():
            values = scratch / f"{environment}.json"
            values.write_text(
                json.dumps({"images": {name: digest(name) for name in _images(chart)}}), "utf-8"
            )
        options = ["--namespace", environment, "--values", str(values), "--kube-version", "1.34.0"]
        commands.append([str(program), "template", environment, str(chart), *options])
    folders = ("HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
    return Variant(commands, variables=dict.fromkeys(folders, str(scratch)))


def _images(chart: Path) -> list[str]:
    schema = json.loads((chart / "values.schema.json").read_text("utf-8"))
    return list(schema["properties"]["images"]["required"])


def kapitan(work: Path) -> Variant:
    """`kapitan compile` of the inventory at `work`; kapitan itself is installed once, into the user's cache."""
    folder = cache().parent / f"bench/kapitan-{KAPITAN}"
    program = folder / "bin/kapitan"
    if not program.exists():
        print(f"bench: installing kapitan {KAPITAN} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"kapitan=={KAPITAN}"], check=True)
    return Variant([[str(program), "compile", "--quiet"]], cwd=work, variables={"HOME": str(work)})


def script(work: Path) -> Variant:
    """Render the templates at `work` by PyYAML and Jinja2, the least that this job takes in Python."""
    (work / "script.py").write_text(SCRIPT, "utf-8")
    return Variant([[sys.executable, str(work / "script.py"), str(work)]], cwd=work)


def write_inventory(root: Path, work: Path) -> None:
    """Write kapitan's project for the project at `root`, in which `gen` has run."""
    for folder in ("inventory/classes", "inventory/targets", "templates"):
        (work / folder).mkdir(parents=True)
    # kapitan refuses to run under another version than the one that is named here.
    (work / ".kapitan").write_text(f'version: "{KAPITAN}"\n', "utf-8")
    platform = _load(root / "environments/platform.yaml")
    services = [{"name": name, **service} for name, service in platform["services"].items()]
    _dump(work / "inventory/classes/platform.yml", {"services": services, "platform": platform["platform"]})
    shapes: set[str] = set()
    for chart in sorted(root.glob("out/*/chart")):
        spec = _load(root / f"environments/{chart.parent.name}.yaml")
        via = spec["deploy"]["via"]
        if via not in shapes:
            shapes.add(via)
            for name, text in _templates(chart, spec, services, platform).items():
                (work / f"templates/{via}-{name}.yml").write_text(text, "utf-8")
        names = ("files", "job", "services", *(("argocd",) if via == "argocd" else ()))
        _dump(
            work / f"inventory/targets/{spec['environment']}.yml",
            {
                "env": spec["environment"],
                "branch": spec["deploy"]["branch"],
                "tenants": spec["tenants"],
                "digests": {service["name"]: digest(service["name"]) for service in services},
                "kapitan": {
                    "vars": {"target": spec["environment"]},
                    "compile": [
                        {
                            "output_path": "chart",
                            "input_type": "jinja2",
                            "input_paths": [f"templates/{via}-{name}.yml" for name in names],
                        }
                    ],
                },
            },
            classes=["platform"],
        )


def _templates(
    chart: Path, spec: dict[str, Any], services: list[dict[str, Any]], platform: dict[str, Any]
) -> dict[str, str]:
    first = services[0]
    common = {
        ",".join(spec["tenants"]): '{{ p.tenants | join(",") }}',
        spec["deploy"]["branch"]: "{{ p.branch }}",
        spec["environment"]: "{{ p.env }}",
    }
    of_service = {
        first["name"]: "{{ s.name }}",
        first["path"]: "{{ s.path }}",
        str(first["port"]): "{{ s.port }}",
        first["health"]: "{{ s.health }}",
        first["migrations"]["url_env"]: "{{ s.migrations.url_env }}",
    }
    migrations = chart / "templates/migrations"
    service = (chart / f"templates/services/{first['name']}.yaml").read_text("utf-8")
    before, *workers = (migrations / "job.yaml").read_text("utf-8").split(_WORKER)
    after = _VOLUMES + workers[-1].partition(_VOLUMES)[2]
    made = {
        "services": f"{_HEAD}{_LOOP}\n{_replace(service, common | of_service)}---\n{{% endfor %}}\n",
        "job": f"{_HEAD}\n{_replace(before, common)}{_LOOP}\n{_replace(_WORKER + workers[0], common | of_service)}"
        f"{{% endfor %}}\n{_replace(after, common)}",
        "files": _HEAD + "\n" + _files((migrations / "files.yaml").read_text("utf-8"), common),
    }
    if spec["deploy"]["via"] == "argocd":
        both = "---\n".join(path.read_text("utf-8") for path in sorted(chart.parent.glob("argocd/*.yaml")))
        made["argocd"] = _HEAD + "\n" + _replace(both, common)
    return made


def _replace(text: str, by: dict[str, str]) -> str:
    """Put an expression wherever a value of the spec stands, and a digest where Helm would put it."""
    by = {**by, "{{ .Values.migrations.digest }}": "00000000"}
    longest = sorted(by, key=len, reverse=True)
    pattern = "|".join([r'\{\{ index \.Values\.images "[^"]+" \}\}', *map(re.escape, longest)])
    return re.sub(pattern, lambda found: by.get(found[0]) or _digest(found[0], by), text)


def _digest(action: str, by: dict[str, str]) -> str:
    service = action.split('"')[1]
    return "{{ p.digests[s.name] }}" if service in by else "{{ p.digests['" + service + "'] }}"


def _files(text: str, common: dict[str, str]) -> str:
    """The plan is a loop over tenants and one over services; the runner is what it is."""
    plan, runner = text.split("\n---\n", 1)
    head = plan[: plan.index("  plan.json: ")]
    document = '{"platform": p.platform, "environment": p.env, "tenants": p.tenants, "services": p.services}'
    return (
        f"{_replace(head, common)}  plan.json: |\n    {{{{ {document} | tojson(indent=2) | indent(4) }}}}\n---\n"
        f"{_replace(runner, common)}"
    )


def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    return loaded


def _dump(path: Path, parameters: dict[str, Any], classes: list[str] | None = None) -> None:
    document = {"classes": classes, "parameters": parameters} if classes else {"parameters": parameters}
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False), "utf-8")


def documents(folder: Path, charts: bool = False) -> tuple[int, float]:
    """Return how many YAML documents lie below `folder`, and their size in MB; each of them is parsed.

    Of the outputs of `gen`, only those for a cluster count: the templates of its `charts`, and Argo CD's.
    """
    count, size = 0, 0
    for pattern in ("*/chart/templates/**/*.yaml", "*/argocd/*.yaml") if charts else ("**/*.yml",):
        for path in folder.glob(pattern):
            text = path.read_text("utf-8")
            size += len(text)
            count += sum(one is not None for one in yaml.load_all(text, yaml.CSafeLoader))
    return count, size / 1e6
