"""The container that migrates a service has memory for as many schemas at once as the spec says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from compiler.spec import defaults
from compiler.spec.model import Limits
from compiler.spec.resources import amount
from tests.compiler.project import copy_project, gen

TENANTS = ", ".join(f"t{number}" for number in range(40))


def compiled(folder: Path, more: str) -> dict[str, list[str]]:
    """Compile staging with `more`; name of each container of the chart → its request and its limit of memory."""
    copy_project(folder)
    path = folder / "environments/staging.yaml"
    written = {**yaml.safe_load(path.read_text(encoding="utf-8")), **yaml.safe_load(more)}
    path.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    gen(folder)
    found: dict[str, list[str]] = {}
    for file in sorted((folder / "out/staging/chart/templates").rglob("*.yaml")):
        text, name = file.read_text(encoding="utf-8"), ""
        for named, size in re.findall(r'^ {8}- name: "?([\w-]+)|^ +memory: "?(\d+\wi)', text, re.MULTILINE):
            name = named or name
            found.setdefault(name, []).extend([size] if size else [])
    return found


def test_memory_follows_the_stated_parallelism(tmp_path: Path) -> None:
    """Of the migrating container only, where nobody wrote a limit, and for one schema no more than for one."""
    limits = "{resources: {limits: {memory: 4Gi}}}"
    found = compiled(
        tmp_path,
        f"migrations: {{parallelism: 20}}\ntenants: [{TENANTS}]\nservices: {{workflow-engine: {limits}}}",
    )
    assert found["migrate-auth-api"] == ["256Mi", "1344Mi"]
    assert found["migrate-workflow-engine"] == ["256Mi", "4Gi"]
    assert found["migrate-ingestion-service"] == ["256Mi", "512Mi"]
    assert found["auth-api"] == ["256Mi", "512Mi"]


@pytest.mark.parametrize("more", ["tenants: [a, b]", "migrations: {parallelism: 32}"])
def test_memory_stays_where_it_is_enough(tmp_path: Path, more: str) -> None:
    """With three tenants there are never more than three at once."""
    found = compiled(tmp_path, more)
    assert found["migrate-auth-api"] == ["256Mi", "512Mi"]


def test_the_defaults_fit_each_other() -> None:
    """So that a limit follows what was written, and an environment that writes neither is not refused."""
    for tier in ("preview", "staging", "production"):
        needed = defaults.worker_memory(defaults.parallelism(tier), 20_000)
        assert needed * 1024**2 <= amount(Limits().memory)
