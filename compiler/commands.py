"""The command line in full: every command, option and help text. The two commands of every day do not need it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler import cli
from compiler.diagnostics.render import FORMATS, Format

app = typer.Typer(
    name="gen",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Compile environments/*.yaml into everything that ships and migrates them.\n\n"
        "Without a command: write what changed. Nothing is written when anything is wrong.\n\n"
        "Exit codes: 0 fine, 1 drift (--check), 2 a mistake in what was given, 3 findings (lint), 130 interrupted."
    ),
    epilog="Also: `gen dev --help` starts the local environment, `gen migrate --help` runs its migrations.",
)

Form = Annotated[str, typer.Option("--format", metavar="|".join(FORMATS), help="How mistakes are shown.")]

OwnForm = Annotated[
    str | None, typer.Option("--format", metavar="|".join(FORMATS), help="How mistakes are shown.")
]


def known_form(form: str) -> Format:
    """Return `form` as one of the formats, or refuse it as a mistake of usage."""
    known = next((one for one in FORMATS if one == form), None)
    if known is None:
        raise typer.BadParameter(f"{form!r} is none of {', '.join(FORMATS)}", param_hint="--format")
    return known


@app.callback(invoke_without_command=True)
def build(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; show what would change; exit 1 on drift.")
    ] = False,
    take: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Let gen own this script of package.json, or this file; repeatable."
        ),
    ] = None,
    form: Form = "full",
    diff: Annotated[
        bool, typer.Option("--diff/--no-diff", help="With --check: show the unified diff.")
    ] = True,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Compile; see the help of the program."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"gen {installed('tenantship')}")
        raise typer.Exit(cli.OK)
    shown = context.obj = known_form(form)
    if context.invoked_subcommand is None:
        raise typer.Exit(cli.run(Path.cwd(), check=check, take=frozenset(take or ()), form=shown, diff=diff))
    if check or take:
        raise typer.BadParameter("--check and --take stand without a command")


@app.command()
def explain(
    context: typer.Context,
    place: Annotated[
        str, typer.Argument(metavar="FILE:LINE", help="A line of an output, or of a file in environments/.")
    ],
) -> None:
    """Show where a line of an output comes from, or which lines that programs read a line of the spec decides.

    `gen explain out/local/compose.yaml:12` · `gen explain environments/local.yaml:3`
    """
    raise typer.Exit(cli.explain(Path.cwd(), place, context.obj))


@app.command()
def lint(context: typer.Context) -> None:
    """Let helm, kubeconform, actionlint, zizmor, yamllint and the loader of Docker Compose judge what is compiled.

    Each finding is shown at the line of the spec that it comes from. Go builds the tools once.
    """
    raise typer.Exit(cli.lint(Path.cwd(), context.obj))


@app.command()
def schema(
    show: Annotated[
        bool, typer.Option("--print", help="Print the schema of an environment file, write nothing.")
    ] = False,
) -> None:
    """Write the JSON Schemas of the spec into environments/, for completion and hover texts in editors."""
    raise typer.Exit(cli.schema(Path.cwd(), show))


@app.command()
def init() -> None:
    """Write a commented starter spec into environments/ of this folder; nothing that exists is touched."""
    raise typer.Exit(cli.init(Path.cwd()))


@app.command()
def policy(
    context: typer.Context,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(FORMATS),
            help="json: the table as JSON; else how mistakes are shown.",
        ),
    ] = None,
) -> None:
    """Show the policy of all environments side by side, from local to production.

    A line per field: its value in each environment, `*` where that is the default, `!` where an exception allows it
    to be looser than staging, `-` where nothing reads it; then the order of its values, from loose to strict. Below
    stand the exceptions with their reason and last day; whether that day is over, `gen lint` says: this command looks
    at no clock. Production may be looser than staging in no field; where it is, the table comes with the mistake.

    Exit codes: 0 no mistake, 2 mistakes.

    `gen policy` · `gen policy --format json`
    """
    shown = context.obj if form is None else known_form(form)
    raise typer.Exit(cli.policy(Path.cwd(), shown))


migrations = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(
    migrations, name="migrations", help="Look at the services' Alembic histories, without running anything."
)


@migrations.command("check")
def check_migrations(
    context: typer.Context,
    service: Annotated[
        list[str] | None,
        typer.Option(metavar="SERVICE", help="Only this service; repeatable. Default: all that migrate."),
    ] = None,
    form: OwnForm = None,
) -> None:
    """Find what two developers' revisions do to each other: before the merge, not in the deployment.

    Reads each migrating service's Alembic configuration and revision files; runs none of them, opens no database.
    Refuses: one id in two files; two revisions with one parent that nothing merges (several heads), with the
    command that merges them; a parent that no file has; circles; ids over 32 characters; ids that are computed;
    with verify: drift, a snapshot that is missing or of another revision, with the commands that make it.

    Exit codes: 0 no mistake, 2 mistakes.

    `gen migrations check` · `gen migrations check --service auth-api` · `gen migrations check --format github`
    """
    shown = context.obj if form is None else known_form(form)
    raise typer.Exit(cli.check_migrations(Path.cwd(), service or (), shown))


image = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(image, name="image", help="Say which images an environment runs.")


@image.command("pin")
def pin_images(
    context: typer.Context,
    pins: Annotated[
        list[str],
        typer.Argument(metavar="SERVICE=DIGEST", help="A service and the digest of its image, sha256:…"),
    ],
    environment: Annotated[
        str, typer.Option("--environment", "-e", metavar="ENV", help="An environment with via: argocd.")
    ],
    form: OwnForm = None,
) -> None:
    """Pin the images that Argo CD runs in an environment, by digest, and compile.

    Edits environments/ENV.images.yaml, one line per service: comments, order and quotes stay, the file is created
    where there is none. Then writes what changed, which is out/ENV/chart/images.yaml. All or nothing: with any mistake,
    in a pin or in the spec, nothing is written.

    Where a digest comes from: `docker buildx imagetools inspect REPOSITORY:TAG`, or the build that pushed it.
    A rollback is a pin of the digests before.

    Exit codes: 0 written or as it was, 2 a mistake.

    `gen image pin auth-api=sha256:0d5c… workflow-engine=sha256:77ab… -e production`
    """
    shown = context.obj if form is None else known_form(form)
    raise typer.Exit(cli.pin_images(Path.cwd(), environment, pins, shown))


@app.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def dev() -> None:
    """Start, stop, watch and wipe the local environment: see `gen dev --help`."""


@app.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def migrate() -> None:
    """Run the local environment's migrations: see `gen migrate --help`."""
