"""Turns this checkout into a fresh clone with an environment of its own, for the way without containers."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.engine.clone import Clone, make_clone

if TYPE_CHECKING:
    from tests.engine.clone import Finished

CHECKOUT = Path(__file__).resolve().parents[2]
SERVICES = ("auth-api", "workflow-engine", "ingestion-service")
PROC = Path("/proc")


@dataclass
class NativeClone(Clone):
    """A fresh clone whose `gen` runs the clone's own code with the locked packages of this checkout."""

    @property
    def environment(self) -> dict[str, str]:
        """The caller's, as far as a shell would have it: nothing of this checkout's environment."""
        drop = ("VIRTUAL_ENV", "PYTHONPATH", "CI", *(name for name in os.environ if name.startswith("npm_")))
        kept = {name: value for name, value in os.environ.items() if name not in drop}
        ours = str(CHECKOUT)
        kept["PATH"] = os.pathsep.join(p for p in kept["PATH"].split(os.pathsep) if not p.startswith(ours))
        return kept

    @property
    def data(self) -> Path:
        """Where this clone's PostgreSQL lives: in the clone, for root outside of it."""
        if os.geteuid() != 0:
            return self.root / ".gen" / "postgres"
        digest = hashlib.sha256(os.fsencode(os.path.realpath(self.root))).hexdigest()[:16]
        return Path("/var/tmp") / f"tenantship-{digest}"

    def gen(self, *words: str, code: int | None = 0, seconds: float = 120) -> Finished:
        """Run the clone's `gen` and check its exit code (None: any but 0)."""
        done = self.run("bin/gen", *words, seconds=seconds)
        assert done.code == code if code is not None else done.code != 0, done.output
        return done

    def rows(self, url_env: str, sql: str) -> list[str]:
        """The first column of a query, asked by the URL in `.env`."""
        with psycopg.connect(self.dotenv()[url_env]) as connection:
            return [str(row[0]) for row in connection.execute(sql).fetchall()]  # type: ignore[arg-type]

    def dotenv(self) -> dict[str, str]:
        """What `.env` holds."""
        text = (self.root / ".env").read_text(encoding="utf-8")
        return dict(re.findall(r"^(\w+)='?([^'\n]*)", text, re.M))

    def processes(self) -> list[str]:
        """The living processes of this clone: those that name it, or work in it, PostgreSQL's included."""
        places = (str(self.root), str(self.data))
        found = []
        for folder in PROC.iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                state = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
                where = str((folder / "cwd").readlink())
            except OSError:
                continue
            if state != "Z" and (where.startswith(places) or any(place in line for place in places)):
                found.append(f"{folder.name} {line} in {where}")
        return found

    def head(self, service_path: str) -> tuple[str, Path]:
        """The one revision that no other builds on, and its file; Alembic's own spelling of it is read too."""
        files = sorted((self.root / service_path / "migrations" / "versions").glob("*.py"))
        fields = {
            file: dict(
                re.findall(r"^(revision|down_revision) = (.*)$", file.read_text(encoding="utf-8"), re.M)
            )
            for file in files
        }
        parents = {name for each in fields.values() for name in re.findall(r"\w{12}", each["down_revision"])}
        (found,) = [file for file in files if fields[file]["revision"].strip("'\"") not in parents]
        return fields[found]["revision"].strip("'\""), found

    def add_revision(self, service_path: str, slug: str, upgrade: str, revision: str) -> Path:
        """Write a revision on top of a service's head; `upgrade` is the body of its upgrade()."""
        parent, newest = self.head(service_path)
        file = newest.with_name(f"{revision}_{slug}.py")
        file.write_text(
            f'"""{slug}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{revision}"\n'
            f'down_revision = "{parent}"\n\n\ndef upgrade() -> None:\n    {upgrade}\n',
            encoding="utf-8",
        )
        return file

    def alembic(self, service_path: str, *words: str) -> Finished:
        """`uv run alembic …` in a service's folder, as its developer types it."""
        uv = str(self.root / ".venv" / "bin" / "uv")
        return self.run("sh", "-c", 'cd "$0" && exec "$@"', service_path, uv, "run", "alembic", *words)

    def remove(self) -> None:
        """End what runs, wipe the data, remove the folder."""
        self.leave()
        self.run("bin/gen", "dev", "death", "--yes")
        shutil.rmtree(self.root.parent, ignore_errors=True)


def make_native_clone(folder: Path) -> NativeClone:
    """A clone with free ports, compiled, with a `.venv` that `make` would give it."""
    plain = make_clone(folder, {}, "")
    clone = NativeClone(plain.root, {}, "", plain.ports)
    environment = clone.root / ".venv"
    venv.create(environment, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    ours = sysconfig.get_path("purelib")
    (site / "clone.pth").write_text(f"{clone.root}\n{ours}\n", encoding="utf-8")
    (environment / "bin" / "uv").symlink_to(Path(sys.executable).parent / "uv")
    gen = environment / "bin" / "gen"
    gen.write_text(
        f"#!{environment}/bin/python\nimport sys\nfrom compiler.cli import main\nsys.exit(main())\n",
        encoding="utf-8",
    )
    gen.chmod(0o755)
    # make sees that the environment is there and newer than what it is made from
    (clone.root / ".gen").mkdir(exist_ok=True)
    (clone.root / ".gen" / "environment").touch()
    clone.gen()
    return clone
