"""Turns the words of `gen dev …` and `gen migrate …` into a command of the way in use, and an exit code."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from . import interrupts
from .console import DevError, fail, note
from .project import load
from .state import State

if TYPE_CHECKING:
    from pathlib import Path

    from .docker import Docker
    from .native import Native
    from .project import Project

DEV = """\
Runs the whole platform on this machine from what `gen` compiled.

`dev up` does everything: it completes .env, starts PostgreSQL, migrates every schema, starts the services
and shows one log. It has two ways, and remembers the one that was chosen in .gen/dev.json (docker, when
nothing was chosen yet); every other command of `dev` and `migrate` acts on that one.

  --docker   PostgreSQL, migrations and services in containers, by Docker Compose
  --native   no container: PostgreSQL from a wheel or an installed one, services as plain processes

Ctrl-C ends all that `dev up` started. A PostgreSQL of `dev infra` stays until `dev down`. The data stay until
`dev death`; a second start reuses everything.
"""
DEV_END = """\
examples:
  gen dev up --native            start everything; Ctrl-C ends all of it
  gen dev infra                  only PostgreSQL, in the background, until `gen dev down`
  gen dev backend                only the services; PostgreSQL is up already
  gen dev logs --no-follow       what the services wrote so far
  gen dev death                  wipe all local data
"""
MIGRATE = """\
Migrates the local databases by the compiled runner, or asks it. PostgreSQL is started when it is not up,
and stopped again afterwards unless something else uses it.
"""
MIGRATE_END = """\
examples:
  gen migrate upgrade                          every schema of every service
  gen migrate upgrade --service auth-api       one service
  gen migrate status --json                    what every schema is at
  gen migrate sql --tenant toshiba             the SQL of what is pending, without running it
  gen migrate downgrade --service auth-api --to b888cdd1fad4
                                               what would be undone; --apply does it

exit codes: 0 ok, 1 migration failed, 2 usage or plan, 3 PostgreSQL unreachable, 4 locked, 5 unknown revision,
6 refused by policy, 7 deadline, 8 database missing, 9 schema needs a person, 10 terminated, 130 interrupted
"""


def main(argv: list[str], root: Path) -> int:
    """Run one command, for example `["dev", "up", "--native"]`, on the repository at `root`; its exit code."""
    try:
        words = _parser().parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        with interrupts.raised():
            return _run(words, root.resolve())
    except DevError as error:
        return fail(error)
    except interrupts.Interrupted as signal:
        return signal.code
    except BrokenPipeError:
        return 141
    except OSError as error:
        return fail(
            DevError(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
        )


def _run(words: argparse.Namespace, root: Path) -> int:
    project = load(root)
    state = State(root)
    state.check()
    if words.command == "death":
        return _death(project, state, words.yes)
    chosen = getattr(words, "way", None)
    way = _way(chosen or state.way, project, state)
    if words.group == "migrate":
        _check_downgrade(words)
        if words.command == "snapshot" and not words.check and (chosen or state.way) != "native":
            raise DevError(
                "a container cannot write a snapshot into the repository",
                "go on without containers: `gen dev up --native` once, then this again",
            )
        return way.migrate(_runner_words(words))
    if words.command == "up":
        return way.up(words.skip_migrations)
    if words.command == "infra":
        return way.infra()
    if words.command == "backend":
        return way.backend()
    if words.command == "down":
        return way.down()
    return way.logs(words.service, not words.no_follow)


def _way(name: str, project: Project, state: State) -> Docker | Native:
    if name == "native":
        from .native import Native

        return Native(project, state)
    from .docker import Docker

    return Docker(project, state)


def _death(project: Project, state: State, sure: bool) -> int:
    """Wipe every way that was used here; asks at a terminal, since the data do not come back."""
    if not project.is_local:
        raise DevError(
            f"{project.environment} is not an environment of development: nothing is wiped", code=2
        )
    if not sure and sys.stdin.isatty() and sys.stderr.isatty():
        sys.stderr.write(f"This removes all local data of {project.platform}. Type yes to go on: ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            note("nothing was removed")
            return 1
    return max([_way(name, project, state).death() for name in _to_wipe(project, state)])


def _to_wipe(project: Project, state: State) -> list[str]:
    """The ways that were used here: as remembered, and as found when the memory of it was removed."""
    from . import compose
    from .postgres.home import left_by

    used = state.used
    found = [*used, *(["native"] if "native" not in used and left_by(project.root) else [])]
    # without memory there may be containers too; without an engine there are none to remove
    if not used and (not found or compose.answers(project)):
        found.append("docker")
    return found


def _check_downgrade(words: argparse.Namespace) -> None:
    """Refuse a downgrade that does not say of what and to where, before anything is started for it."""
    if words.command == "downgrade" and (len(words.service) != 1 or not words.to):
        raise DevError(
            "a downgrade is of one service, to one of its revisions",
            "add --service NAME --to REVISION; after `npm run …` write -- first",
            code=2,
        )


def _runner_words(words: argparse.Namespace) -> list[str]:
    found = [words.command]
    for option in ("service", "tenant"):
        for value in getattr(words, option):
            found += [f"--{option}", value]
    if getattr(words, "to", None):
        found += ["--to", words.to]
    flags = ("json", "apply", "drift", "show", "check")
    return found + [f"--{flag}" for flag in flags if getattr(words, flag, False)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gen", allow_abbrev=False)
    groups = parser.add_subparsers(dest="group", required=True, metavar="{dev,migrate}")
    _dev(groups.add_parser("dev", **_texts("run the platform on this machine", DEV, DEV_END)))
    _migrate(groups.add_parser("migrate", **_texts("migrate the local databases", MIGRATE, MIGRATE_END)))
    return parser


def _dev(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser(
        "up", **_texts("PostgreSQL, migrations and services, in one log; Ctrl-C ends all of it")
    )
    way = up.add_mutually_exclusive_group()
    way.add_argument("--docker", dest="way", action="store_const", const="docker", help="in containers")
    way.add_argument("--native", dest="way", action="store_const", const="native", help="as plain processes")
    up.add_argument("--skip-migrations", action="store_true", help="start the services on what is there")
    commands.add_parser("infra", **_texts("PostgreSQL in the background, until `dev down`"))
    commands.add_parser("backend", **_texts("the services only; PostgreSQL must be up (`dev infra`)"))
    commands.add_parser("down", **_texts("stop everything; the data stay"))
    logs = commands.add_parser("logs", **_texts("the log of the services and of PostgreSQL"))
    logs.add_argument("service", nargs="*", help="only these (default: all); `postgres` is one too")
    logs.add_argument("--no-follow", action="store_true", help="print what is there and end")
    death = commands.add_parser("death", **_texts("stop everything and wipe all local data; .env stays"))
    death.add_argument("--yes", action="store_true", help="do not ask, also at a terminal")


def _migrate(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("upgrade", "apply what is pending, service by service, tenant by tenant"),
        ("plan", "what upgrade would do, in its order, without a change"),
        ("status", "what every schema is at, without a change"),
        ("sql", "the SQL of what is pending, without running it"),
        ("downgrade", "what taking a service back to a revision would undo; with --apply, undo it"),
        ("verify", "whether every schema is at its head, whole, and from the files as they are"),
        ("snapshot", "write what the migrations make, which verify --drift compares schemas with"),
        ("check", "whether a service's models and its migrations say the same"),
        ("unlock", "who holds a schema; with --show, the only way: a lock ends with its holder"),
    ):
        command = commands.add_parser(name, **_texts(text))
        command.add_argument(
            "--service",
            action="append",
            default=[],
            metavar="NAME",
            help="only this service; may be repeated",
        )
        command.add_argument(
            "--tenant", action="append", default=[], metavar="NAME", help="only this tenant; may be repeated"
        )
        if name == "status":
            command.add_argument("--json", action="store_true", help="as JSON on stdout")
        elif name == "downgrade":
            command.add_argument("--to", metavar="REVISION", help="the revision that is left")
            command.add_argument("--apply", action="store_true", help="undo it; without, only show it")
        elif name == "verify":
            command.add_argument("--drift", action="store_true", help="compare with the snapshot too")
        elif name == "snapshot":
            command.add_argument("--check", action="store_true", help="write nothing, show what differs")
        elif name == "unlock":
            command.add_argument("--show", action="store_true", required=True, help="show who holds what")


def _texts(text: str, description: str = "", epilog: str = "") -> dict[str, Any]:
    return {
        "help": text,
        "description": description or text[0].upper() + text[1:] + ".",
        "epilog": epilog,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
