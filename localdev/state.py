"""Turns what must be remembered between two commands into files below the ignored folder `.gen`."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import dotenv
from .console import DevError
from .processes import Mark, alive, boot, is_left, mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAYS = ("docker", "native")


class State:
    """The folder `.gen` of one repository; every method reads or writes the disk at once."""

    def __init__(self, root: Path) -> None:
        self.folder = root / ".gen"
        self.logs = self.folder / "logs"
        self._file = self.folder / "dev.json"
        self._services = self.folder / "services.json"

    def check(self) -> None:
        """Raise DevError when the folder is a link: what it leads to may be anybody's."""
        if self.folder.is_symlink():
            raise DevError(
                f"{self.folder} is a symbolic link, so nothing is read, written or wiped behind it",
                "remove the link, or move the clone itself to where the data shall be",
            )

    def prepare(self) -> None:
        """Make the folder, ignored by git through its own .gitignore."""
        self.check()
        self.logs.mkdir(parents=True, exist_ok=True)
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")

    @property
    def way(self) -> str:
        """The way that the last `dev up` chose: docker or native."""
        way = self._read(self._file).get("way")
        return way if way in WAYS else WAYS[0]

    @property
    def used(self) -> list[str]:
        """Every way that is remembered as used here, so that `dev death` wipes all of it."""
        data = self._read(self._file)
        return [way for way in reversed(WAYS) if way in data.get("used", []) or way == data.get("way")]

    def choose(self, way: str) -> None:
        """Remember the way for all later commands."""
        self._update(way=way, used=sorted({*self._read(self._file).get("used", []), way}))

    @property
    def infra_stays(self) -> bool:
        """Whether `dev infra` started PostgreSQL, which then outlives Ctrl-C."""
        return self._read(self._file).get("infra") is True

    def keep_infra(self, stays: bool) -> None:
        """Remember whether PostgreSQL stays when `dev up` ends."""
        if stays != self.infra_stays:
            self._update(infra=stays)

    def wrote(self, name: str, value: str) -> bool:
        """Whether `value` of the variable `name` is what localdev itself wrote into `.env`."""
        return bool(self._read(self._file).get("written", {}).get(name) == _digest(value))

    def remember_written(self, values: dict[str, str]) -> None:
        """Remember digests of what was written into `.env`, to tell it from what the user typed."""
        written = self._read(self._file).get("written", {})
        self._update(written={**written, **{name: _digest(value) for name, value in values.items()}})

    def up_to_date(self, name: str, inputs: str) -> bool:
        """Whether the environment of service `name` was made from `inputs`."""
        try:
            return (self.folder / "environments" / name).read_text(encoding="utf-8") == inputs
        except OSError:
            return False

    def made(self, name: str, inputs: str) -> None:
        """Remember from which inputs the environment of service `name` was made."""
        stamp = self.folder / "environments" / name
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(inputs, encoding="utf-8")

    @contextmanager
    def only_one(self, hint: str) -> Iterator[None]:
        """Hold the lock of a running `dev up` or `dev backend`; raises DevError when another one has it."""
        self.prepare()
        with (self.folder / "services.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DevError("the services of this clone are already started or starting", hint) from None
            yield

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Wait for every other command that completes `.env` now, and keep the next ones waiting."""
        self.prepare()
        with (self.folder / "env.lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def record_services(self, groups: dict[str, Mark], token: str) -> None:
        """Record this process and the process group of each service that it started with `token`."""
        me = mark(os.getpid())
        if me is None:
            return
        services = {name: list(group) for name, group in groups.items()}
        data = {"boot": boot(), "token": token, "supervisor": list(me), "services": services}
        dotenv.write(self._services, json.dumps(data))

    def forget_services(self) -> None:
        """Nothing runs any more."""
        self._services.unlink(missing_ok=True)

    def running(self) -> tuple[Mark | None, dict[str, Mark]]:
        """The live supervisor, if any, and the recorded groups of which something is left alive."""
        data = self._read(self._services)
        try:
            supervisor = Mark(*data["supervisor"])
            groups = {name: Mark(*group) for name, group in data["services"].items()}
            token = str(data["token"])
        except (KeyError, TypeError, AttributeError):
            return None, {}
        if data.get("boot") != boot():  # the numbers are other processes' by now
            return None, {}
        left = {name: group for name, group in groups.items() if is_left(group, token)}
        return (supervisor if alive(supervisor) else None), left

    def _update(self, **changes: object) -> None:
        self.prepare()
        text = json.dumps({**self._read(self._file), **changes}, indent=2, sort_keys=True)
        dotenv.write(self._file, text + "\n")

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
