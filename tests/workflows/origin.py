"""This checkout, freshly compiled, into the repository that every place clones; what its runs install is at hand."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

from tests.compiler.project import gen
from tests.engine.clone import copy_checkout

UV = Path(sysconfig.get_path("scripts")) / "uv"
_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "test"), ("EMAIL", "test@example.invalid"))
}


def environment() -> dict[str, str]:
    """Return what a machine of GitHub's has that this one has too: programs, none of them this project's."""
    path = [
        entry for entry in os.environ["PATH"].split(":") if not (Path(entry).parent / "pyvenv.cfg").exists()
    ]
    kept = (
        "HOME",
        "XDG_CACHE_HOME",
        "UV_CACHE_DIR",
        "GOPATH",
        "GOCACHE",
        "SSL_CERT_FILE",
        "PIP_CERT",
        "UV_DEFAULT_INDEX",
    )
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": ":".join(path),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",  # act gives each step a terminal, GitHub does not
        "GIT_CONFIG_GLOBAL": os.devnull,
        **_IDENTITY,
    }


def with_uv(folder: Path) -> dict[str, str]:
    """Return the same with uv, and nothing beside it, from a folder in `folder`; and with the way to a registry."""
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    link = folder / "uv/uv"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(UV)
    return {**environment(), **proxies, "PATH": f"{link.parent}:{environment()['PATH']}"}


def git(where: Path, *words: str) -> str:
    """Run git and return what it printed."""
    done = subprocess.run(
        ["git", *words], cwd=where, env=environment(), check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def make_origin(folder: Path) -> Path:
    """Commit everything here, freshly compiled, to the branches develop and main of a bare repository."""
    root = folder / "start"
    root.mkdir()
    copy_checkout(root)
    gen(root)
    git(root, "init", "--quiet", "--initial-branch=develop")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Start")
    git(root, "branch", "main")
    git(folder, "clone", "--quiet", "--bare", str(root), "repo.git")
    _fill_caches(root)
    return folder / "repo.git"


def _fill_caches(root: Path) -> None:
    """Install what the workflows install: their own machine reaches no registry, so all must be in uv's cache."""
    variables = with_uv(root.parent)
    subprocess.run(["make", "setup"], cwd=root, env=variables, check=True)
    for service in sorted((root / "python_apps").iterdir()):
        words = [UV, "sync", "--frozen", "--quiet", "--all-groups", "--project", service]
        subprocess.run(words, cwd=root, env=variables, check=True)
