"""`gen policy`: the fields of the lattice side by side, defaults and exceptions marked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.spec.lattice import FIELDS
from tests.compiler.project import copy_project, edit, gen, snapshot

EXCEPTION = (
    "exceptions: [{field: migrations.lock_timeout, allow: 30s, "
    'reason: "the old index, 20 min", until: "2026-12-31"}]'
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = copy_project(tmp_path)
    # One environment that no other one comes before by name, but by what kind it is.
    (folder / "environments/alpha.yaml").write_text(
        "environment: alpha\ntier: preview\ntenants: [default]\nmigrations: {lock_timeout: 10s}\n", "utf-8"
    )
    return folder


def rows(text: str) -> dict[str, list[str]]:
    """Return the cells of each line of the table by its first one."""
    lines = text.partition("\n\n")[0].splitlines()
    edges = [
        lines[0].index(name) for name in ("field", "local", "alpha", "staging", "production", "from loose")
    ]
    return {
        line.split()[0]: [line[a:b].strip() for a, b in zip(edges[1:], [*edges[2:], None], strict=True)]
        for line in lines
    }


def test_side_by_side(project: Path) -> None:
    before = snapshot(project)
    done = gen(project, "policy")
    assert done.stderr == ""
    found = rows(done.stdout)
    assert list(found) == ["field", *(field.name for field in FIELDS)]
    assert found["field"] == ["local", "alpha", "staging", "production", "from loose to strict"]
    assert found["migrations.lock_timeout"] == ["3s", "10s", "3s", "2s", "longer < shorter"]
    assert found["rollback.code"] == ["-", "-", "automatic *", "-", "automatic < manual"]
    assert found["deploy.sync"] == ["-", "-", "automated *", "automated *", "automated < manual"]
    assert found["migrations.canary"][:4] == ["none *", "-", "none *", "default *"]
    assert found["migrations.max_failed_tenants"][:4] == ["-"] * 4
    assert found["rollback.schema"][:4] == ["downgrade *", *["forward-only *"] * 3]
    assert found["rollback.max_downgrade_revisions"][:4] == ["no limit *", "-", "-", "-"]
    assert found["approvals.upgrade"][2:4] == ["0 *", "1"]
    assert done.stdout.endswith("\nno exceptions\n")
    assert snapshot(project) == before


def test_an_exception_is_marked_and_told(project: Path) -> None:
    production = project / "environments/production.yaml"
    edit(production, "lock_timeout: 2s}", f"lock_timeout: 20s}}\n{EXCEPTION}")
    said = gen(project, "policy").stdout
    assert rows(said)["migrations.lock_timeout"][3] == "20s !"
    place = (
        f"environments/production.yaml:{production.read_text('utf-8').splitlines().index(EXCEPTION) + 1}:14"
    )
    told = f"  production: migrations.lock_timeout 30s until 2026-12-31: the old index, 20 min ({place})\n"
    assert said.endswith(f"\nexceptions:\n{told}")


def test_the_table_comes_with_the_mistake_that_it_helps_to_mend(project: Path) -> None:
    edit(project / "environments/production.yaml", "lock_timeout: 2s", "lock_timeout: 20s")
    done = gen(project, "policy", code=2)
    assert rows(done.stdout)["migrations.lock_timeout"][3] == "20s"
    assert "error[looser-policy]" in done.stderr


def test_with_another_mistake_there_is_no_table(project: Path) -> None:
    edit(project / "environments/production.yaml", "lock_timeout: 2s", "lock_timeout: soon")
    done = gen(project, "policy", code=2)
    assert done.stdout == ""
    assert "error[invalid-duration]" in done.stderr
    done = gen(project, "policy", "--format", "json", code=2)
    assert [found["code"] for found in json.loads(done.stdout)] == ["invalid-duration"]


def test_json(project: Path) -> None:
    edit(
        project / "environments/staging.yaml",
        "namespace: staging",
        'namespace: staging\n  window: {days: [mon], from: "09:00", until: "16:00", zone: Europe/Berlin}',
    )
    edit(
        project / "environments/production.yaml",
        "namespace: production",
        'namespace: production\n  window: {days: [mon], from: "10:00", until: "16:00", zone: Europe/Berlin}',
    )
    found = json.loads(gen(project, "policy", "--format", "json").stdout)
    assert [one["name"] for one in found["environments"]] == ["local", "alpha", "staging", "production"]
    fields = {one["field"]: one for one in found["fields"]}
    assert list(fields) == [field.name for field in FIELDS]
    lock = fields["migrations.lock_timeout"]["environments"]
    assert (lock["local"]["value"], lock["local"]["default"]) == ("3s", False)
    assert lock["local"]["place"].startswith("environments/platform.yaml:")
    assert lock["production"]["place"].startswith("environments/production.yaml:")
    window = fields["deploy.window"]["environments"]
    assert window["production"]["value"]["from"] == "10:00"
    assert window["local"] == {
        "value": None,
        "applies": False,
        "default": True,
        "place": None,
        "exception": False,
    }
    assert found["exceptions"] == []
    assert (
        gen(project, "--format", "json", "policy").stdout == gen(project, "policy", "--format", "json").stdout
    )
    assert "mon 10:00-16:00 Europe/Berlin" in gen(project, "policy").stdout


def test_usage(project: Path) -> None:
    assert "usage" in gen(project, "policy", "--help").stdout.lower()
    gen(project, "policy", "--format", "xml", code=2)
    (project / "nowhere").mkdir()
    assert "error[no-environments]" in gen(project.parent, "policy", code=2).stderr
