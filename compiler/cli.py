"""Arguments into one run of the compiler: the only module that prints and chooses an exit code.

Exit codes: 0 fine or in sync, 1 drift (`--check`), 2 a mistake in what was given, 3 findings (`lint`),
130 interrupted.
Reports go to stderr, data (`explain`, `schema`) to stdout.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from compiler.diagnostics.model import Diagnostic
    from compiler.diagnostics.render import Format
    from compiler.output.compare import Change, Comparison
    from compiler.pipeline import Compared, Compiled

OK, DRIFT, ERROR, FINDINGS, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `gen` with `arguments` (those of the process by default) and return its exit code."""
    try:
        return _dispatch(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        print("gen: interrupted; nothing is half-written, run it again", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left (`gen explain … | head`): nobody is there to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        print(f"gen: {error}", file=sys.stderr)
        return ERROR
    except Exception:  # noqa: BLE001 (the last resort)
        # Python would exit with 1, which means drift here.
        import traceback

        traceback.print_exc()
        print("gen: this is a mistake of gen's own, not of yours; nothing is half-written", file=sys.stderr)
        return ERROR


def _dispatch(arguments: list[str]) -> int:
    # The two commands of every day skip the command-line library, whose import alone would double their time.
    if not arguments:
        return run(Path.cwd())
    if arguments == ["--check"]:
        return run(Path.cwd(), check=True)
    if arguments[0] in ("dev", "migrate"):
        from localdev.cli import main as develop

        root = find_root(Path.cwd())
        if root is not None and not {"-h", "--help"} & set(arguments):
            _warn_of_drift(root)
        return develop(arguments, root or Path.cwd())
    return _run_command(arguments)


def _run_command(arguments: list[str]) -> int:
    from compiler.commands import app

    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ERROR
    return OK


def _warn_of_drift(root: Path) -> None:
    """Say so when what is about to run was compiled from another spec; it runs all the same."""
    comparison = _compare(root).comparison
    if comparison is None or not comparison.in_sync:
        say("gen: environments/ and out/ are not in sync, and out/ is what runs: run gen (--check shows how)")


def find_root(start: Path) -> Path | None:
    """Return the nearest folder at or above `start` that holds `environments/`."""
    return next((folder for folder in (start, *start.parents) if (folder / "environments").is_dir()), None)


def run(
    start: Path,
    check: bool = False,
    take: frozenset[str] = frozenset(),
    form: Format = "full",
    diff: bool = True,
) -> int:
    """Compile the project around `start`; write it, or with `check` only say what would change."""
    began = time.perf_counter()
    root = find_root(start) or start
    with _without_collector():
        comparison = _check(root, take, form) if check else _build(root, take, form)
    if comparison is None or comparison.has_errors:
        return ERROR
    if check:
        _show_drift(comparison, diff)
    _summarize(comparison, began)
    if check and not comparison.in_sync:
        say("run `gen` to repair, and commit what it writes")
        return DRIFT
    return OK


def _summarize(comparison: Comparison, began: float) -> None:
    from compiler.output.summary import summary

    say(summary(comparison, time.perf_counter() - began))


def pin_images(start: Path, environment: str, arguments: Sequence[str], form: Format = "full") -> int:
    """Put the digests of `arguments` (`SERVICE=DIGEST`) into the environment's file of digests, and compile."""
    began = time.perf_counter()
    root = find_root(start)
    if root is None:
        return _no_project(start)
    with _loading():
        from compiler.output.write import edited
        from compiler.pins import pin_faults, pinned, read_pins
        from compiler.spec.files import pins_file

    pins, mistakes = read_pins(arguments)
    mistakes += pin_faults(root, environment, list(pins))
    if mistakes:
        report(mistakes, {}, form, root)
        return ERROR

    def edit() -> tuple[Change, ...]:
        change = edited(root, pins_file(environment), lambda text: pinned(text, pins))
        return (change,) if change else ()

    comparison = _build(root, frozenset(), form, edit)
    if comparison is None or comparison.has_errors:
        return ERROR
    _summarize(comparison, began)
    return OK


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Do not look for cycles in memory: a compilation makes next to none, and to look is a tenth of its time."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()


@contextlib.contextmanager
def _loading() -> Iterator[None]:
    """Import heavy modules: Ctrl-C ends the process at once, since a half-imported extension module panics."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _compare(root: Path, take: frozenset[str] = frozenset()) -> Compared:
    """Compile the project at `root` and compare it with the disk."""
    with _loading():
        from compiler.pipeline import compare_environments

    return compare_environments(root, take)


def _check(root: Path, take: frozenset[str], form: Format) -> Comparison | None:
    compared = _compare(root, take)
    _report_all(compared, compared.comparison, form, root)
    return compared.comparison


def _build(
    root: Path, take: frozenset[str], form: Format, edit: Callable[[], tuple[Change, ...]] = tuple
) -> Comparison | None:
    """Compile and write; `edit` gives changes of spec files that come first and are written along."""
    with _loading():
        from compiler.output.apply import apply
        from compiler.output.write import WriteError
        from compiler.pipeline import Compared, compare_environments

    compared = Compared(None, [])
    edits: tuple[Change, ...] = ()

    def make_comparison() -> Comparison | None:
        nonlocal compared, edits
        edits = edit()
        given = {change.path: change.new.read().decode() for change in edits if change.new is not None}
        compared = compare_environments(root, take, given=given)
        return compared.comparison

    try:
        comparison, written = apply(make_comparison, root, lambda: edits)
    except WriteError as error:
        report([*compared.diagnostics, error.diagnostic], compared.sources, form, root)
        return None
    _report_all(compared, comparison, form, root)
    for path, copy in written.saved if written else ():
        say(f"{path} was edited by hand: its text is kept in {copy}")
    return comparison


def _report_all(made: Compared | Compiled, comparison: Comparison | None, form: Format, root: Path) -> None:
    found = comparison.diagnostics if comparison else ()
    report([*made.diagnostics, *found], made.sources, form, root)


def _show_drift(comparison: Comparison, diff: bool) -> None:
    drifted = [change for change in comparison.changes if change.kind != "unchanged"]
    if diff and drifted:
        from compiler.output.diff import unified

        for change in drifted:
            say(unified(change))
    say(*(f"{change.path}: {change.cause}" for change in drifted))


def _write(action: Callable[[], None], form: Format = "full") -> bool:
    """Run what writes; a disk that refuses is reported, and False returned."""
    from compiler.output.write import WriteError

    try:
        action()
    except WriteError as error:
        report([error.diagnostic], {}, form)
        return False
    return True


def lint(start: Path, form: Format) -> int:
    """Compile the project around `start` and let the programs that read the outputs judge them; writes no output."""
    began = time.perf_counter()
    root = find_root(start) or start
    with _loading():
        from compiler.output.compare import compare
        from compiler.pipeline import EMITTERS, compile_environments

    compiled = compile_environments(root)
    comparison = compare(compiled.tree, root, EMITTERS) if compiled.tree else None
    if compiled.spec is None or compiled.tree is None or comparison is None or comparison.is_refused:
        _report_all(compiled, comparison, form, root)
        return ERROR
    with _loading():
        from genlint.run import judge

    judged = judge(compiled.spec, compiled.tree, compiled.sources, comparison.diagnostics, say)
    texts = {path: file.text for path, file in compiled.tree.files.items()}
    found = [judged.error] if judged.error else [*compiled.diagnostics, *judged.findings]
    report(found, {**texts, **compiled.sources}, form)
    if judged.error:
        return ERROR
    if not comparison.in_sync:
        say("gen lint: out/ is not what environments/ compile to, and that is what was judged: run gen")
    say(judged.summary(time.perf_counter() - began))
    return FINDINGS if judged.findings else OK


def explain(start: Path, place: str, form: Format) -> int:
    """Print the other side of `place` (`FILE:LINE`): the spec lines behind an output line, or the lines it reaches."""
    with _loading():
        from compiler.explain import describe
        from compiler.pipeline import EMITTERS, compile_environments

    root = find_root(start) or start
    compiled = compile_environments(root)
    if compiled.tree is None:
        report(compiled.diagnostics, compiled.sources, form, root)
        return ERROR
    lines, mistake = describe(compiled.tree, EMITTERS, root, start, place)
    if mistake is not None:
        report([mistake], {}, form)
        return ERROR
    print("\n".join(lines))
    return OK


def check_migrations(start: Path, services: Sequence[str], form: Format) -> int:
    """Check the revision files of `services` (all that migrate where none is named) without running any."""
    with _loading():
        from compiler.revisions.check import check_revisions
        from compiler.spec.load import load

    root = find_root(start) or start
    spec, mistakes, sources = load(root)
    if spec is None:
        report(mistakes, sources, form, root)
        return ERROR
    checked = check_revisions(root, spec, services)
    report(checked.diagnostics, sources, form, root)
    if checked.services:
        say(checked.summary())
    return ERROR if checked.diagnostics else OK


def policy(start: Path, form: Format) -> int:
    """Print the policy of all environments side by side, also where one of them is looser than it may be."""
    with _loading():
        from compiler.policies import concerns_policy, document, read_policies, table
        from compiler.spec.load import load

    root = find_root(start) or start
    _, mistakes, sources = load(root)
    if concerns_policy(mistakes):
        found = read_policies(root)
        print(document(found) if form == "json" else table(found), end="")
        form = "full" if form == "json" else form
    if mistakes:
        report(mistakes, sources, form, root)
        return ERROR
    return OK


def schema(start: Path, show: bool) -> int:
    """Write the JSON Schemas of the spec into `environments/`, or print that of an environment file."""
    from compiler.spec.schema import schemas

    texts = schemas()
    if show:
        print(texts["environment.schema.json"], end="")
        return OK
    root = find_root(start)
    if root is None:
        return _no_project(start)
    files = {f"environments/{name}": text for name, text in texts.items()}
    written: list[str] = []
    if not _write(lambda: written.extend(_write_own(root, files, replace=True))):
        return ERROR
    say(f"{len(files)} files: {len(written)} written, {len(files) - len(written)} unchanged")
    return OK


def init(folder: Path) -> int:
    """Write the starter spec into `folder`; what exists is left alone, and a spec that exists is a mistake."""
    from compiler.spec.schema import schemas
    from compiler.starter import starter_files

    if any((folder / "environments").glob("*.yaml")):
        report([_diagnose("spec-exists", "a spec is here already", "edit it, and run gen")], {})
        return ERROR
    files = starter_files(folder.name, schemas())
    written: list[str] = []
    if not _write(lambda: written.extend(_write_own(folder, files, replace=False))):
        return ERROR
    say(*(f"  {path}" for path in written))
    say(f"{len(written)} files written; edit environments/, then run gen")
    return OK


def _write_own(root: Path, files: dict[str, str], replace: bool) -> list[str]:
    from compiler.output.write import write_files

    return write_files(root, files, replace)


def _no_project(start: Path) -> int:
    way_out = "run gen init to write a starter spec, or run gen inside a project"
    report([_diagnose("no-environments", f"no folder environments/ at or above {start.name}", way_out)], {})
    return ERROR


def _diagnose(code: str, message: str, way_out: str) -> Diagnostic:
    from compiler.diagnostics.model import Diagnostic, Place

    return Diagnostic(code, message, Place("environments/", 0, 0), help=way_out)


def report(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    form: Format = "full",
    root: Path | None = None,
) -> None:
    """Print what is wrong: for people to stderr; `json` and `github` are data and go to stdout.

    A file that is not among `sources` (the user's package.json) is read from `root`.
    """
    if not diagnostics and form != "json":
        return
    from compiler.diagnostics.render import render

    if root is not None:
        sources = {**_sources_on_disk(diagnostics, root), **sources}

    stream = sys.stdout if form in ("json", "github") else sys.stderr
    colour = form == "full" and stream.isatty() and "NO_COLOR" not in os.environ
    print(render(diagnostics, sources, form, colour).rstrip("\n"), file=stream)


def _sources_on_disk(diagnostics: Sequence[Diagnostic], root: Path) -> dict[str, str]:
    """Return the texts of the files in which `diagnostics` point at a line."""
    texts = {}
    places = [
        place
        for found in diagnostics
        for place in (found.place, *(note.place for note in found.notes))
        if place
    ]
    for file in sorted({place.file for place in places if place.line}):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            texts[file] = (root / file).read_text(encoding="utf-8-sig")
    return texts


def say(*lines: str) -> None:
    """Print lines for people to stderr."""
    for line in lines:
        print(line.rstrip("\n"), file=sys.stderr)
