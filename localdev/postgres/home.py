"""Turns a clone's path into the folder of its server and the account that runs it."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from localdev.console import DevError

if TYPE_CHECKING:
    from .binaries import Binaries

# PostgreSQL refuses to run as root; these exist on every system and own nothing else of interest.
ACCOUNTS = ("postgres", "nobody")
FOR_ROOT = Path("/var/tmp")  # survives a reboot, and every account can reach it


@dataclass(frozen=True)
class Account:
    """An unprivileged user of this system."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Home:
    """Where one clone's server lives; `account` is set when root starts it for somebody else."""

    base: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.base / "data"

    def make(self) -> None:
        """Make the folder; raises DevError when somebody else's is in its place."""
        self.base.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.base.mkdir(mode=0o755)
        except FileExistsError:
            found = self.base.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise DevError(
                    f"{self.base} belongs to somebody else, so nothing is put into it",
                    "look at it and remove it",
                ) from None
        if self.account:
            self.base.chmod(0o755)  # whatever the umask: the account has to pass

    def give(self, path: Path) -> None:
        """Hand a file or folder to the account."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)

    def reachable(self, binaries: Binaries) -> Binaries:
        """The binaries where the account can run them: a copy in the folder when root starts the wheel's."""
        if self.account is None or not binaries.copied:
            return binaries
        name = hashlib.sha256(f"{binaries.source} {binaries.programs}".encode()).hexdigest()[:12]
        target = self.base / f"programs-{binaries.version}-{name}"
        site = binaries.copied[0].parent.parent
        if not target.exists():
            self._copy(binaries, site, target)
        libraries = target / binaries.libraries.relative_to(site) if binaries.libraries else None
        return replace(binaries, programs=target / binaries.programs.relative_to(site), libraries=libraries)

    def _copy(self, binaries: Binaries, site: Path, target: Path) -> None:
        """Copy in the wheel's own layout (its libraries are found relative to it), whole or not at all."""
        temporary = Path(tempfile.mkdtemp(prefix="programs-", dir=self.base))
        for folder in binaries.copied:
            if folder.is_dir():
                shutil.copytree(
                    folder,
                    temporary / folder.relative_to(site),
                    symlinks=True,
                    ignore=shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "__pycache__"),
                )
        for folder_name, _, files in os.walk(temporary):
            Path(folder_name).chmod(0o755)
            for file in files:
                path = Path(folder_name) / file
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        temporary.rename(target)

    def wipe(self) -> bool:
        """Remove all of it; says whether there was anything."""
        if not self.base.is_dir() or self.base.is_symlink():
            return False
        if self.base.lstat().st_uid != os.geteuid():
            raise DevError(f"{self.base} belongs to somebody else and is left alone")
        shutil.rmtree(self.base)
        return True


def home(root: Path) -> Home:
    """The clone's home: `.gen/postgres`, or for root a folder outside that an unprivileged user reaches."""
    if os.geteuid() != 0:
        return Home(root / ".gen" / "postgres", None)
    digest = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:16]
    return Home(FOR_ROOT / f"tenantship-{digest}", _account())


def _account() -> Account:
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise DevError(
        f"PostgreSQL does not run as root, and neither account {' nor '.join(ACCOUNTS)} exists",
        "work as a normal user, or use `npm run dev`",
    )
