"""The compiled tree into a temporary folder that the tools read, and the one way in which a tool is started."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from genlint.tools.model import ToolError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from genlint.tools.model import Tools

# A tool that is still silent after this many seconds hangs.
_PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Workspace:
    """`files` by their path in the project, all of them written below `root`; `scratch` is for the tools."""

    files: Mapping[str, str]
    root: Path
    scratch: Path
    tools: Tools

    def run(
        self,
        program: str,
        *arguments: str,
        codes: Collection[int] = (0, 1),
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Start a tool; raises ToolError when it ends with none of the `codes` in which it reports findings.

        It sees a home of its own and no variable of the user's: neither configuration nor token changes a finding.
        """
        try:
            done = subprocess.run(
                [str(self.tools.programs[program]), *arguments],
                cwd=cwd or self.root,
                env=self._environment() | dict(variables or {}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise failed(program, f"it does not end within {_PATIENCE}s") from None
        except OSError as error:
            raise failed(program, f"it cannot be started: {error.strerror}") from None
        if done.returncode not in codes:
            said = " ".join((done.stderr or done.stdout).split())[-500:]
            raise failed(program, f"it ended with {done.returncode}: {said}")
        return done

    def _environment(self) -> dict[str, str]:
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        folders = (
            "HOME",
            "HELM_CACHE_HOME",
            "HELM_CONFIG_HOME",
            "HELM_DATA_HOME",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
        )
        # Nothing here needs the network: a tool that tried would find this proxy, where nobody listens.
        nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "KUBECONFIG": "/dev/null",
            **nowhere,
            **{name: str(home) for name in folders},
        }


@contextlib.contextmanager
def workspace(files: Mapping[str, str], tools: Tools) -> Iterator[Workspace]:
    """Write `files` into a temporary folder, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="gen-lint-") as name:
        base = Path(name).resolve()
        root, scratch = base / "tree", base / "scratch"
        scratch.mkdir()
        for path, text in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
        yield Workspace(files, root, scratch, tools)


def failed(program: str, why: str) -> ToolError:
    """Return the error of a tool that ran and said nothing that can be relied on."""
    return ToolError(
        Diagnostic(
            "failed-tool",
            f"{program} did not do its work: {why}",
            Place(program, 0, 0),
            help="nothing was judged; run gen lint again, and report it if that does not help",
        )
    )
