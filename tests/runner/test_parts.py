"""The parts that need no server: URLs, .env files, revision files, lines on outputs that cannot show them."""

from __future__ import annotations

import argparse
import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

import genmigrate
from compiler.emit.migrations import runner_sources
from genmigrate import cli, codes, environment, exchange, history, output, url
from genmigrate.codes import RunError

PACKAGE = Path(genmigrate.__file__).parent


@pytest.mark.parametrize(
    ("text", "driver", "parameters"),
    [
        ("postgresql://u:p%40%2F@h:5433/d", "", "host=h port=5433 user=u password=p@/ dbname=d"),
        ("postgres://h/d", "", "host=h dbname=d"),
        (
            "postgresql+asyncpg://h/d?ssl=require&prepared_statement_cache_size=0",
            "asyncpg",
            "host=h dbname=d sslmode=require",
        ),
        ("postgresql+psycopg_async://h/d", "psycopg_async", "host=h dbname=d"),
        ("postgresql+psycopg2:///d?host=/run/pg", "psycopg2", "host=/run/pg dbname=d"),
        (
            "postgresql+psycopg://[::1]:6000/d?sslmode=allow&x=1",
            "psycopg",
            "host=::1 port=6000 dbname=d sslmode=allow",
        ),
    ],
)
def test_url(text: str, driver: str, parameters: str) -> None:
    parsed = url.parse(text, "X_URL")
    assert (parsed.driver, " ".join(f"{key}={value}" for key, value in parsed.parameters.items())) == (
        driver,
        parameters,
    )


@pytest.mark.parametrize(
    "text", ["", "  ", "mysql://u:secret@h/d", "postgresql://u:secret@h:port/d", "secret"]
)
def test_bad_url_is_named_and_never_shown(text: str) -> None:
    with pytest.raises(RunError) as caught:
        url.parse(text, "X_URL")
    assert "X_URL" in caught.value.reason
    assert "secret" not in caught.value.reason + caught.value.way_out


def test_hidden_password() -> None:
    parsed = url.parse("postgresql://u:s%40cret@h/d", "X")
    assert parsed.hide("s@cret s%40cret postgresql://u:s%40cret@h/d") == "*** *** postgresql://u:***@h/d"
    assert url.parse("postgresql://u:h@h/d", "X").hide("postgresql://u:h@h/d") == "postgresql://u:***@h/d"


@pytest.mark.parametrize("password", ["s@c ret+/ä", "it's\\\\odd", "p:a%b@c"])
def test_a_password_is_hidden_in_every_spelling(password: str) -> None:
    from urllib.parse import quote, quote_plus

    spelt = quote(password, safe="").replace("%2B", "+")
    parsed = url.parse(f"postgresql://u:{spelt}@h/d", "X")
    assert parsed.parameters["password"] == password
    rendered = sa.make_url(f"postgresql://u:{spelt}@h/d").render_as_string(hide_password=False)
    lower = f"postgresql://u:{quote(password, safe='').lower()}@h/d"
    for text in (password, spelt, quote(password), quote_plus(password), rendered, lower, repr(password)):
        hidden = parsed.hide(f"before {text} behind")
        assert "***" in hidden, text
        assert not any(part in hidden for part in ("ret", "odd", "p:a", "c@h")), hidden
    assert url.mask("x postgresql+psycopg://u:other@h/d y") == "x postgresql+psycopg://u:***@h/d y"


def test_dotenv() -> None:
    text = "# c\nA=1\nexport B = 'x # y' # c\nexport\tC=\"q=\"\nD=a#b # c\nE=\n=x\nnothing\nF=#c\n"
    assert environment.parse_dotenv(text) == {"A": "1", "B": "x # y", "C": "q=", "D": "a#b", "E": "", "F": ""}


def test_dotenv_fills_what_is_unset_or_blank_from_the_nearest(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=root\nB=root\nC=root\nD=root\n")
    service = tmp_path / "apps" / "one"
    service.mkdir(parents=True)
    (service / ".env").write_text("A=near\nB=\n")
    filled = environment.with_dotenv({"C": "given", "D": ""}, service, tmp_path)
    assert filled == {"A": "near", "B": "root", "C": "given", "D": "root"}


def revision(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_history_is_read_and_never_run(tmp_path: Path) -> None:
    """Annotations, interpolation, several folders, a package location, file templates."""
    ini = "[alembic]\nscript_location = %(here)s/db\npath_separator = os\n"
    ini += "version_locations = %(here)s/db/versions:pkg:more\nsqlalchemy.url = %(NOT_THERE)s\n"
    (tmp_path / "alembic.ini").write_text(ini.replace(":pkg:more", f":{tmp_path}/pkg/more"))
    trap = "raise SystemExit('executed')\n"
    revision(
        tmp_path / "db" / "versions",
        "a1_first_one.py",
        trap + 'revision: str = "a1"\ndown_revision: str | None = None\n',
    )
    revision(
        tmp_path / "db" / "versions",
        "2026_01_02-b2_second.py",
        trap + 'revision = "b2"\ndown_revision = ("a1",)\n',
    )
    revision(tmp_path / "pkg" / "more", "third.py", trap + "revision = 'c3'\ndown_revision = 'b2'\n")
    past = history.read(tmp_path, "alembic.ini")
    assert (past.head, [r.slug for r in past.pending(())]) == ("c3", ["first_one", "second", "third"])
    assert [r.id for r in past.pending(["b2"])] == ["c3"]


def test_a_branch_label_that_a_revision_depends_on(tmp_path: Path) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = db\n")
    folder = tmp_path / "db" / "versions"
    revision(folder, "a1_one.py", "revision = 'a1'\ndown_revision = None\nbranch_labels = ('core',)\n")
    revision(folder, "a2_two.py", "revision = 'a2'\ndown_revision = 'a1'\ndepends_on = 'core'\n")
    past = history.read(tmp_path, "alembic.ini")
    assert (past.head, past.revisions["a2"].needs) == ("a2", ("a1",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("revision = make()\ndown_revision = None\n", "revision is not written as plain strings"),
        ("revision = ('a', 'b')\ndown_revision = None\n", "revision is not one string"),
        ("revision = 'x'\ndown_revision = 'x'\n", "follow each other in a circle"),
        ("def (\n", "cannot be read"),
    ],
)
def test_unreadable_revisions(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = db\n")
    revision(tmp_path / "db" / "versions", "x.py", text)
    with pytest.raises(RunError, match=reason) as caught:
        history.read(tmp_path, "alembic.ini")
    assert caught.value.code == 9


@pytest.mark.parametrize(
    ("name", "text", "lacks", "alembic_too"),
    [
        ("helper.py", "x = 1\n", "revision", True),
        ("empty.py", "", "revision", True),
        ("a2_half.py", "revision = 'a2'\n", "down_revision", True),
        ("beef.py", "x = 1\n", "revision", True),
        ("beef.py", "down_revision = 'a1'\n", "revision", False),
        ("a2_computed.py", "if True:\n    revision, down_revision = 'a2', 'a1'\n", "revision", False),
    ],
)
def test_a_file_that_is_no_revision_is_refused_as_alembic_does(
    tmp_path: Path, name: str, text: str, lacks: str, alembic_too: bool
) -> None:
    """A schema would be at the head of the files that the runner sees, but not of those that Alembic does."""
    file = tmp_path / "alembic.ini"
    file.write_text("[alembic]\nscript_location = %(here)s/db\npath_separator = os\n")
    versions = tmp_path / "db" / "versions"
    revision(versions, "a1_one.py", "revision = 'a1'\ndown_revision = None\n")
    revision(versions, "__init__.py", "")
    assert history.read(tmp_path, "alembic.ini").head == "a1"
    revision(versions, name, text)
    with pytest.raises(RunError, match=f"{name} has no line `{lacks} = …`") as caught:
        history.read(tmp_path, "alembic.ini")
    assert caught.value.word == "broken-history"
    scripts = ScriptDirectory.from_config(Config(str(file)))
    if alembic_too:
        with pytest.raises((CommandError, AttributeError)):
            scripts.get_heads()
    else:
        assert scripts.get_heads() in (["beef"], ["a2"])


def test_no_revision_yet(tmp_path: Path) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = db\n")
    (tmp_path / "db" / "versions").mkdir(parents=True)
    assert history.read(tmp_path, "alembic.ini").head is None


@pytest.mark.parametrize("text", ["", "[alembic]\n", "[alembic]\nscript_location = %(x)s\n", "[alembic\n"])
def test_unreadable_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "alembic.ini").write_text(text)
    with pytest.raises(RunError) as caught:
        history.read(tmp_path, "alembic.ini")
    assert caught.value.code == 2


def test_an_output_that_cannot_show_the_signs() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    output.say(output.HEADING, stream)
    output.say("  ✓ ä – ✗ → …", stream)
    assert raw.getvalue() == b"Running database migrations...\n  ok ? - FAILED -> ...\n"


def test_precedence_covers_every_code() -> None:
    assert set(codes.CODE_OF_WORD.values()) <= set(codes.PRECEDENCE)
    assert codes.worst([0, 4, 1, 3]) == 1
    assert codes.worst([]) == 0


def test_small_and_readable() -> None:
    """With a plan of 1,000 tenants what a cluster carries has to stay below 200,000 bytes."""
    files = sorted(PACKAGE.glob("*.py"))
    assert sum(len(text.encode()) for _name, text in runner_sources(deployed=True)) < 178_000
    assert all(len(file.read_text().splitlines()) <= 300 for file in files)


def test_the_oldest_python_reads_it(tmp_path: Path) -> None:
    python = next(iter(sorted(Path("~/.pyenv/versions").expanduser().glob("3.10.*/bin/python"))), None)
    if python is None:
        pytest.skip("no Python 3.10 on this machine")
    code = "import sys; [compile(open(f).read(), f, 'exec') for f in sys.argv[1:]]"
    subprocess.run([python, "-c", code, *map(str, PACKAGE.glob("*.py"))], check=True)
    helped = subprocess.run(
        [python, "-m", "genmigrate", "--help"],
        env={"PYTHONPATH": str(PACKAGE.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=True,
    )
    assert b"exit codes" in helped.stdout


def test_only_the_standard_library_is_imported_by_a_driver() -> None:
    code = "import genmigrate.cli, genmigrate.driver, genmigrate.report, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    roots = {name.partition(".")[0] for name in done.stdout.split()} - {"genmigrate", "__main__"}
    site = {name for name in roots if name.startswith(("_", "sitecustomize", "usercustomize"))}
    assert roots - site <= set(sys.stdlib_module_names)


def test_a_driver_loads_little_before_it_starts_a_worker() -> None:
    """A run with nothing to do is mostly the start of interpreters, one after the other."""
    code = "import genmigrate.cli, genmigrate.driver, genmigrate.workers, genmigrate.scratch, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert not {"dataclasses", "inspect", "hashlib", "socket", "datetime"} & set(done.stdout.split())


@pytest.mark.parametrize("command", [*cli.COMMANDS, "worker", "hand"])
def test_one_command_is_parsed_as_among_all(command: str) -> None:
    def told(parser: argparse.ArgumentParser, *words: str) -> str:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            try:
                parser.parse_args(words)
            except RunError as trouble:
                return f"{trouble.reason} {trouble.way_out}"
        return said.getvalue()

    for words in ([command, "--help"], [command], [command, "--plan"], [command, "x", "--service", "s"]):
        assert told(cli.parser(command), *words) == told(cli.parser(), *words) != ""
    assert "invalid choice" in told(cli.parser("migrate"), "migrate")


def test_lines_that_are_no_records_are_passed_over(tmp_path: Path) -> None:
    """The folder is shared: what lies in it was written by anybody."""
    folder = exchange.Exchange(tmp_path)
    folder.append("a", {"text": "ä\u2028b\n"}, {"text": "2"})
    with (tmp_path / "a.lines").open("ab") as file:
        file.write(b'5\nnull\n{"text": "x"}\n["y", 1]\n\xff\n{\n')
    folder.append("a", {"text": "3"})
    with (tmp_path / "a.lines").open("ab") as file:
        file.write(b'[{"text": "half')
    records, offset = folder.records("a", 0)
    assert [each["text"] for each in records] == ["ä\u2028b\n", "2", "3"]
    assert folder.records("a", offset) == ([], offset)
