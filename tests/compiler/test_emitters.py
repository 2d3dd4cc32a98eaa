"""A new kind of output is one module and one line: it is then compared, owned, explained and pruned like the others."""

from __future__ import annotations

from pathlib import Path

from compiler.emit.file import Emitter, Output, OutputFile, per_environment
from compiler.emit.structure import write_json
from compiler.explain import describe, reached_by
from compiler.output.compare import compare
from compiler.output.write import write
from compiler.pipeline import EMITTERS, compile_environments
from compiler.plan.model import EnvironmentPlan
from tests.compiler.project import copy_project, edit


def _emit(env: EnvironmentPlan) -> tuple[Output, ...]:
    path = f"out/{env.name.value}/tenants.json"
    return (OutputFile(path, env.name.value, write_json({"tenants": env.tenants})),)


TENANTS = Emitter("tenants", ("out/{environment}/tenants.json",), per_environment(_emit))


def _run(root: Path, *emitters: Emitter) -> None:
    compiled = compile_environments(root, emitters=emitters)
    assert compiled.tree is not None, compiled.diagnostics
    write(compare(compiled.tree, root, emitters), root)


def test_one_more_emitter(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    every = (*EMITTERS, TENANTS)
    _run(root, *every)
    output = root / "out/staging/tenants.json"
    assert '"toshiba"' in output.read_text(encoding="utf-8")

    tree = compile_environments(root, emitters=every).tree
    assert tree is not None
    lines, mistake = describe(tree, every, root, root, "out/staging/tenants.json:4")
    assert mistake is None
    assert any(line.startswith("environments/staging.yaml:3:") for line in lines)
    assert "out/staging/tenants.json" in {
        line.path for line in reached_by(tree, every, "environments/staging.yaml", 3)
    }

    output.write_text("mine\n", encoding="utf-8")
    (change,) = [c for c in compare(tree, root, every).changes if c.kind != "unchanged"]
    assert (change.path, change.cause) == ("out/staging/tenants.json", "hand-edited")

    edit(root / "environments/staging.yaml", "toshiba", "toshiba2")
    _run(root, *every)
    assert '"toshiba2"' in output.read_text(encoding="utf-8")

    (root / "environments/staging.yaml").unlink()
    _run(root, *every)
    assert not output.exists()
