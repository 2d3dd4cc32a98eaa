"""What the runs share: the repository to clone, the linters, a PostgreSQL; one run a place."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.postgres import SETTINGS, Server, new_folder
from tests.workflows.origin import make_origin
from tests.workflows.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genlint.tools.model import Tools


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL that trusts who reaches its socket."""
    folder = new_folder()
    server = Server(folder, {**SETTINGS, "unix_socket_directories": str(folder / "data")})
    rules = folder / "data/pg_hba.conf"
    rules.write_text("local all all trust\n" + rules.read_text(encoding="utf-8"), encoding="utf-8")
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bare repository that every place starts from."""
    return make_origin(tmp_path_factory.mktemp("origin"))


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, origin: Path, server: Server, tools: Tools
) -> Callable[[str], Place]:
    """Make a place by a name."""
    return lambda name: Place(tmp_path_factory.mktemp(name), origin, server, tools)
