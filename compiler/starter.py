"""A name for the platform into the files of a commented starter spec."""

from __future__ import annotations

import re

from compiler.emit.template import render
from compiler.plan.leaf import Leaf

_ENVIRONMENTS = ("local", "staging", "production")
_IGNORED = ".env\n.gen/\n"


def starter_files(folder: str, schemas: dict[str, str]) -> dict[str, str]:
    """Return path → text of a spec that compiles as it is; the platform is named after `folder`.

    `schemas` are the JSON Schemas of the spec by file name, to be put beside it.
    """
    name = Leaf(_identifier(folder))
    fields = {"platform": name, "registry": Leaf(f"registry.example.com/{name.value}")}
    return {
        "environments/platform.yaml": render("init/platform.yaml.j2", **fields).text,
        **{f"environments/{env}.yaml": render(f"init/{env}.yaml.j2").text for env in _ENVIRONMENTS},
        **{f"environments/{file}": text for file, text in schemas.items()},
        "services/api/README.md": render("init/service.md.j2").text,
        ".gitignore": _IGNORED,
    }


def _identifier(folder: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", folder.lower(), flags=re.ASCII).strip("-")[:40].strip("-")
    return words if words[:1].isalpha() else "platform"
