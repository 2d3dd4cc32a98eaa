"""A template of a workflow and plan objects into its text; the actions are spelt by their commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.emit.file import owned
from compiler.emit.github.actions import ACTIONS, VERSIONS
from compiler.emit.seal import seal
from compiler.emit.spell.spelt import Spelt
from compiler.emit.template import render

if TYPE_CHECKING:
    from compiler.diagnostics.model import Place
    from compiler.emit.file import Text

# In a template an action goes by the last part of its name: `actions.setup_uv`.
_ACTIONS = {
    action.name.rpartition("/")[2].replace("-", "_"): Spelt(
        "github", f"{action.name}@{action.commit}  # {action.tag}"
    )
    for action in ACTIONS
}
_VERSIONS = {name: Spelt("github", f'"{version}"') for name, version in VERSIONS.items()}
assert len(_ACTIONS) == len(ACTIONS), "two actions go by one name"


def render_workflow(name: str, places: tuple[Place, ...], **fields: object) -> Text:
    """Render and seal the workflow of the template `name`; without `places`, or with others, there is no such file."""
    content = render(f"github/{name}", actions=_ACTIONS, versions=_VERSIONS, **fields)
    return seal(owned(content, places), "environments/")
