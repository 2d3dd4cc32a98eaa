"""The programs of others that workflows use, each at one exact version: an action by its commit, a tool by its number.

Each commit is the one that the tag points to in the action's own repository, `https://github.com/<name>`, read in
summer 2026. A commit that nobody looked up passes every linter that works offline: look a new one up the same way
(`git ls-remote https://github.com/<name> refs/tags/<tag>`).
"""

from __future__ import annotations

from compiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One action; `tag` is what people call the commit."""

    name: str
    tag: str
    commit: str


ACTIONS: tuple[Action, ...] = (
    Action("actions/checkout", "v7.0.1", "3d3c42e5aac5ba805825da76410c181273ba90b1"),
    Action("actions/create-github-app-token", "v3.1.1", "1b10c78c7865c340bc4f6099eb2f838309f1e8c3"),
    Action("actions/setup-go", "v7.0.0", "b7ad1dad31e06c5925ef5d2fc7ad053ef454303e"),
    Action("astral-sh/setup-uv", "v10.0.1", "20cfd1bf945f4377ade1205e4dbc17946fc9a30d"),
    Action("aws-actions/configure-aws-credentials", "v6.2.3", "e6de054238d6b7531b4efff3b6587d9aade6a06c"),
    Action("azure/aks-set-context", "v5.0.0", "60623acbdcbbdcf799ad50a1adf8703874339f8b"),
    Action("azure/login", "v3.0.1", "f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca"),
    Action("azure/setup-helm", "v5.0.1", "9bc31f4ebc9c6b171d7bfbaa5d006ae7abdb4310"),
    Action("docker/build-push-action", "v7.3.0", "53b7df96c91f9c12dcc8a07bcb9ccacbed38856a"),
    Action("docker/login-action", "v4.1.0", "4907a6ddec9925e35a0a9e82d7399ccc52663121"),
    Action("docker/setup-buildx-action", "v4.3.0", "37fe631027851001ddb9b187196cc803df7f5f0e"),
    Action("google-github-actions/auth", "v3.0.0", "7c6bc770dae815cd3e89ee6cdf493a5fab2cc093"),
    Action("google-github-actions/get-gke-credentials", "v3.0.0", "3da1e46a907576cefaa90c484278bb5b259dd395"),
)

# What `with: version` of the actions above installs.
VERSIONS: dict[str, str] = {"go": "1.26", "helm": "v4.3.1", "uv": "0.13.9"}
