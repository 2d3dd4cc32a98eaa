"""One locked Go module into programs, built on first use and kept in the user's cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Place
from genlint.tools.model import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MODULE = Path(__file__).parent
# Program → the module that its version is read from.
_MODULES = {
    "actionlint": "github.com/rhysd/actionlint",
    "compose": "github.com/compose-spec/compose-go/v2",
    "helm": "helm.sh/helm/v4",
    "kubeconform": "github.com/yannh/kubeconform",
}
_SOURCES = ("compose/main.go", "go.mod", "go.sum")
_BUILD = ("build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w")


def built(say: Callable[[str], None]) -> tuple[Path, Mapping[str, str]]:
    """Return the folder of the programs, built now if they are not there, and the locked version of each."""
    locked = _versions((MODULE / "go.mod").read_text("utf-8"))
    kept = cache() / f"{_key()}-{platform.system()}-{platform.machine()}".lower()
    if not kept.is_dir():
        go = _find_go(locked)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with _lock(kept.parent / ".lock"):
            # Another gen may have built them while this one waited.
            if not kept.is_dir():
                _build(go, kept, locked, say)
    return kept, locked


def cache() -> Path:
    """Return the folder in which the programs are kept, one folder for each state of the lock."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "tenantship/tools"


def _key() -> str:
    total = hashlib.sha256()
    for name in _SOURCES:
        data = (MODULE / name).read_bytes()
        total.update(f"{name} {len(data)}\n".encode() + data)
    return total.hexdigest()[:16]


def _versions(text: str) -> dict[str, str]:
    required = dict(re.findall(r"^(?:require)?\s*(\S+) v(\S+)", text, re.MULTILINE))
    return {program: required[module] for program, module in _MODULES.items()}


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock at `path`; it is the kernel's, so that of a killed process is gone with it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _find_go(locked: Mapping[str, str]) -> str:
    go = shutil.which("go")
    if go is None:
        raise ToolError(
            Diagnostic(
                "missing-tool",
                f"go is not on PATH; on first use it builds {_names(locked)}",
                Place("go", 0, 0),
                help="install Go 1.26 or newer (https://go.dev/dl), and run gen lint again",
            )
        )
    return go


def _names(locked: Mapping[str, str]) -> str:
    return ", ".join(f"{program} {version}" for program, version in locked.items())


def _build(go: str, kept: Path, locked: Mapping[str, str], say: Callable[[str], None]) -> None:
    for left_over in kept.parent.glob(".new-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    say(f"gen: building {_names(locked)}; this happens once and takes some minutes")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".new-", dir=kept.parent, ignore_cleanup_errors=True) as folder:
        new = Path(folder) / "bin"
        new.mkdir()
        done = subprocess.run(
            [go, "-C", str(MODULE), *_BUILD, "-o", f"{new}/", "tool", "./compose"],
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GO111MODULE": "on"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        absent = [program for program in locked if not (new / program).is_file()]
        if done.returncode or absent:
            raise _failed(done.stderr, absent)
        new.rename(kept)
    say(f"gen: built in {time.monotonic() - began:.0f}s, kept in {kept}")


def _failed(stderr: str, absent: list[str]) -> ToolError:
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("go: downloading ")]
    said = "; ".join(lines[-3:]) or f"it made no {', '.join(absent)}"
    return ToolError(
        Diagnostic(
            "failed-tool",
            f"go cannot build the linters: {said}",
            Place("go", 0, 0),
            help="Go 1.26 or newer is needed, and its module proxy must answer (go env GOPROXY) the first time",
        )
    )
