"""The grammar of the spec into JSON Schemas, for completion and hover in editors."""

from __future__ import annotations

import json
from typing import Any

from compiler.spec.faults import pattern
from compiler.spec.model import ENVIRONMENT_ONLY, PINS, PLATFORM_ONLY, Environment

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """Return the schema of platform.yaml and that of an environment's file, by file name."""
    return {
        "platform.schema.json": _schema("What every environment shares", PLATFORM_ONLY, ENVIRONMENT_ONLY),
        "environment.schema.json": _schema(
            "What one environment has of its own", ENVIRONMENT_ONLY, PLATFORM_ONLY
        ),
    }


def _schema(title: str, own: frozenset[tuple[str, ...]], elsewhere: frozenset[tuple[str, ...]]) -> str:
    whole = Environment.model_json_schema(by_alias=True)
    shown = _File(whole["$defs"], own, elsewhere).shown(whole, ())
    shown.pop("$defs", None)
    return json.dumps({"$schema": _DIALECT, **shown, "title": title}, indent=2) + "\n"


class _File:
    """The part of the grammar that one file may hold, without references.

    Of the keys that an environment needs, a file needs those which only it may hold.
    """

    def __init__(
        self, parts: dict[str, Any], own: frozenset[tuple[str, ...]], elsewhere: frozenset[tuple[str, ...]]
    ) -> None:
        self.parts = parts
        self.own = own
        self.elsewhere = elsewhere

    def shown(self, schema: dict[str, Any], loc: tuple[str, ...]) -> dict[str, Any]:
        """Return `schema`, which stands at `loc`, as this file has it."""
        schema = self.resolved(schema)
        schema.pop("title", None)
        if "properties" in schema:
            below = {
                key: self.shown(part, (*loc, key))
                for key, part in schema["properties"].items()
                if pattern((*loc, key)) not in {*self.elsewhere, PINS}
            }
            schema["properties"] = {key: part for key, part in below.items() if part.get("properties") != {}}
            required = [key for key in schema.pop("required", []) if self.is_own((*loc, key))]
            schema |= {"required": required} if required else {}
        elif "patternProperties" in schema:
            ((names, part),) = schema.pop("patternProperties").items()
            schema["propertyNames"] = {"pattern": names, **schema.get("propertyNames", {})}
            schema["additionalProperties"] = self.shown(part, (*loc, "*"))
        elif "items" in schema:
            schema["items"] = self.shown(schema["items"], (*loc, "*"))
        return schema

    def is_own(self, loc: tuple[str, ...]) -> bool:
        """Tell whether only this file may hold what stands at `loc`, or a map around it."""
        return any(pattern(loc[: end + 1]) in self.own for end in range(len(loc)))

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follow a reference and drop the null of what may be left out; a remark beside them wins."""
        remarks = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf"}}
        if "$ref" in schema:
            return {**self.parts[schema["$ref"].rpartition("/")[2]], **remarks}
        if "anyOf" in schema:
            remarks = {key: value for key, value in remarks.items() if (key, value) != ("default", None)}
            return {
                **self.resolved(next(one for one in schema["anyOf"] if one.get("type") != "null")),
                **remarks,
            }
        return remarks
