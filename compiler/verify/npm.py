"""Our scripts of package.json against what npm, and the shells behind it, would make of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler.verify.document import Document, mapping
from compiler.verify.finding import Finding
from compiler.verify.text import UnreadableError, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compiler.output.tree import TreeFile

# What npm runs on its own, or by a command of its own.
_LIFECYCLE = re.compile(
    r"(?:pre|post)?(?:install|uninstall|publish|pack|prepare|version|shrinkwrap|rebuild|test|start|stop|restart)"
    r"|prepublishOnly|dependencies"
)
_NAME = re.compile(r"[a-z][a-z0-9:-]*")
# Words that sh, cmd.exe and PowerShell read alike.
_COMMAND = re.compile(r"[A-Za-z0-9._/@+:][A-Za-z0-9._/@+:-]*(?: [A-Za-z0-9._/@+:=-]+)*")


def check(path: str, file: TreeFile) -> Iterator[Finding]:
    """Check those scripts of package.json that come from the spec."""
    try:
        scripts = mapping(read_json(file.text.removeprefix("\ufeff")).get("scripts"))
        ours = {name for span in file.spans for name in _members(file.text[span.start : span.end])}
    except UnreadableError as error:
        yield Finding("readable", f"found {error.why}", path, line=error.line)
        return
    package = Document(path, 0, {"scripts": scripts})
    for name in sorted(ours & scripts.keys()):
        # npm runs `preX` before and `postX` behind a script X of whomever.
        around = name.removeprefix("pre" if name.startswith("pre") else "post")
        if _LIFECYCLE.fullmatch(name) or not _NAME.fullmatch(name) or (around != name and around in scripts):
            yield package.breaks("npm-lifecycle", f"found a script {name!r}", "scripts", name)
        if not _COMMAND.fullmatch(str(scripts[name])):
            yield package.breaks("npm-command", f"found the command {scripts[name]!r}", "scripts", name)


def _members(text: str) -> dict[str, object]:
    """Return the members of an object whose text this is, with or without the comma before them."""
    return mapping(read_json("{" + text.strip(", \t\r\n") + "}"))
