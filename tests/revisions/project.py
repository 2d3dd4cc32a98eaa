"""A project of one service with an Alembic history that a test writes revision by revision."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

BASE = Path(__file__).resolve().parents[1] / "diagnostics/base"
SERVICE = "services/api"
VERSIONS = f"{SERVICE}/migrations/versions"
INI = "[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\n"


def project(folder: Path, ini: str = INI) -> Path:
    """Put the project of the diagnostics' pages into `folder`, with a history without revisions for `api`."""
    shutil.copytree(BASE, folder, dirs_exist_ok=True)
    (folder / VERSIONS).mkdir(parents=True)
    (folder / SERVICE / "alembic.ini").write_text(ini, encoding="utf-8")
    # What `alembic merge` needs; nothing of ours reads either.
    (folder / SERVICE / "migrations/env.py").write_text("raise SystemExit('env.py ran')\n", encoding="utf-8")
    template = '"""${message}\n\nCreate Date: ${create_date}\n"""\nrevision = ${repr(up_revision)}\n'
    template += "down_revision = ${repr(down_revision)}\n"
    (folder / SERVICE / "migrations/script.py.mako").write_text(template, encoding="utf-8")
    return folder


def revise(
    folder: Path, revision: str, *parents: str, slug: str = "change", day: int = 0, more: str = ""
) -> str:
    """Write one revision file; returns its path from the project's root."""
    down = repr(parents[0] if len(parents) == 1 else parents or None)
    date = f"\n\nCreate Date: 2026-01-{day:02} 10:00:00.000000\n" if day else ""
    path = f"{VERSIONS}/{revision}_{slug}.py"
    text = f'"""{slug}{date}"""\n\nrevision = {revision!r}\ndown_revision = {down}\n{more}'
    (folder / path).write_text(text, encoding="utf-8")
    return path


def by_alembic(folder: Path, config: str = "alembic.ini") -> list[str]:
    """Return the heads that Alembic itself finds; raises what it raises, and its warnings too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ScriptDirectory.from_config(Config(str(folder / SERVICE / config))).get_heads()
