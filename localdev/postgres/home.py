"""Turns a clone's path into the folder of its server and the account that runs it."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from localdev.console import DevError, note

if TYPE_CHECKING:
    from .binaries import Binaries

# PostgreSQL refuses to run as root; these exist on every system and own nothing else of interest.
ACCOUNTS = ("postgres", "nobody")
FOR_ROOT = Path("/var/tmp")  # survives a reboot, and every account can reach it
# Tells a folder that was made here from any other; without it nothing is used and nothing is wiped.
MARKER = ".made-by-gen"
MADE = ("data", "programs-*", "new-*")


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

    @property
    def uid(self) -> int:
        """Whose the data and the server's processes are."""
        return self.account.uid if self.account else os.geteuid()

    def exists(self) -> bool:
        """Whether the folder is there; raises DevError when it is not one that was made here, for this user."""
        if self.account is None and self.base.parent.is_symlink():
            raise _refused(self.base.parent, "is a symbolic link")
        try:
            found = self.base.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(found.st_mode):
            raise _refused(self.base, "is not a folder")
        if found.st_uid != os.geteuid():
            raise _refused(self.base, "belongs to somebody else")
        if found.st_mode & 0o022:
            raise _refused(self.base, "can be written by others")
        if not self._is_marked() and any(self.base.iterdir()):
            raise _refused(self.base, f"was not made by gen ({MARKER} is missing in it)")
        if os.path.lexists(self.data):
            data = self.data.lstat()
            if not stat.S_ISDIR(data.st_mode) or data.st_uid != self.uid:
                raise _refused(self.data, "is not a folder of the account that runs PostgreSQL")
        return True

    def _is_marked(self) -> bool:
        try:
            found = (self.base / MARKER).lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()

    def make(self) -> None:
        """Make the folder; raises DevError when something else is in its place."""
        if not self.exists():
            self.base.parent.mkdir(parents=True, exist_ok=True)
            # mkdir follows no link, and fails when somebody was faster
            self.base.mkdir(mode=0o755 if self.account else 0o700)
            if self.account:
                self.base.chmod(0o755)  # whatever the umask: the account has to pass
        if not self._is_marked():
            with (self.base / MARKER).open("x", encoding="utf-8") as marker:
                marker.write("PostgreSQL of one clone, made by `gen dev`; `gen dev death` wipes it.\n")

    def give(self, path: Path) -> None:
        """Hand a file or folder to the account."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)

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
        """Remove what was made here, and nothing else; says whether there was anything."""
        if not self.exists():
            return False
        for entry in self.base.iterdir():
            if any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in MADE):
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
        foreign = sorted(entry.name for entry in self.base.iterdir() if entry.name != MARKER)
        if foreign:
            note(f"kept in {self.base}, since gen did not make it: {', '.join(foreign)}")
        else:
            (self.base / MARKER).unlink(missing_ok=True)
            self.base.rmdir()
        return True


def home(root: Path, containers: str) -> Home:
    """The clone's home: `.gen/postgres`, or for root a folder outside that an unprivileged user reaches.

    `containers` starts the platform without either; it is the way out where no such user exists.
    """
    return Home(_place(root), _account(containers) if os.geteuid() == 0 else None)


def left_by(root: Path) -> bool:
    """Whether anything is in the place of the clone's home; it is not looked at more closely."""
    return os.path.lexists(_place(root))


def _place(root: Path) -> Path:
    if os.geteuid() != 0:
        return root / ".gen" / "postgres"
    digest = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:16]
    return FOR_ROOT / f"tenantship-{digest}"


def _account(containers: str) -> Account:
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise DevError(
        f"PostgreSQL does not run as root, and neither account {' nor '.join(ACCOUNTS)} exists",
        f"work as a normal user, or use `{containers}`",
    )


def _refused(path: Path, why: str) -> DevError:
    return DevError(
        f"{path} {why}, so PostgreSQL's data are neither put there nor read nor wiped",
        f"look at it (`ls -ld {path}`) and move it away or remove it, then start again",
    )
