"""The JSON Schemas for editors say what the grammar says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from compiler.spec.schema import schemas
from compiler.spec.source import parse
from tests.spec.project import LOCAL, PLATFORM, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMAS = {name: json.loads(text) for name, text in schemas().items()}


def _file(name: str) -> str:
    return "platform.schema.json" if name == "platform" else "environment.schema.json"


def _errors(name: str, text: str) -> list[str]:
    tree, _ = parse(text, name)
    assert tree is not None
    found = jsonschema.Draft202012Validator(SCHEMAS[_file(name)]).iter_errors(tree.plain())
    return sorted("/".join(map(str, error.path)) for error in found)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_is_the_committed_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert (ROOT / "environments" / name).read_text("utf-8") == schemas()[name], "run `gen schema`"


@pytest.mark.parametrize("name", ["platform", "local", "staging", "production"])
def test_the_reference_platform_fits(name: str) -> None:
    text = (ROOT / "environments" / f"{name}.yaml").read_text("utf-8")
    assert text.startswith(f"# yaml-language-server: $schema={_file(name)}\n")
    assert _errors(name, text) == []


def test_mistakes_are_underlined() -> None:
    assert _errors("local", LOCAL + "replicas: 1\n") == [""]
    assert _errors("local", LOCAL + "registry: x\n") == [""], "belongs into the other file"
    assert _errors("local", LOCAL + "services: {api: {port: 80}}\n") == ["services/api/port"]
    assert _errors("platform", PLATFORM.replace("schema: public", "schema: Public")) == [
        "services/worker/migrations/schema"
    ]
    assert _errors("platform", PLATFORM.replace("    path: services/worker\n", "")) == ["services/worker"]


def _properties(schema: dict[str, Any], loc: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, part in schema.get("properties", {}).items():
        yield f"{loc}{key}", part
        yield from _properties(part, f"{loc}{key}.")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _properties(schema["additionalProperties"], f"{loc}*.")


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_has_a_hover_text_and_no_map_is_open(name: str) -> None:
    fields = dict(_properties(SCHEMAS[name]))
    assert len(fields) > 10
    assert [loc for loc, part in fields.items() if not part.get("description")] == []
    assert [
        loc for loc, part in fields.items() if part["type"] == "object" and "additionalProperties" not in part
    ] == []
