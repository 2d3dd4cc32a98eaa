"""`gen image pin`: what it edits, what it leaves alone, what it refuses, and what git makes of it."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from compiler.cli import pin_images, run
from compiler.pins import pinned
from tests.compiler.project import copy_project, edit, gen, snapshot
from tests.output.faults import Counter, in_child, kill

PINS = "environments/production.images.yaml"
IMAGES = "out/production/chart/images.yaml"
A, B, C, D = ("sha256:" + sign * 64 for sign in "abcd")


def _git(folder: Path, *arguments: str, code: int = 0) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_project(tmp_path_factory.mktemp("compiled"))
    gen(folder)
    return folder


@pytest.fixture
def project(compiled: Path, tmp_path: Path) -> Path:
    return shutil.copytree(compiled, tmp_path / "project")


@pytest.fixture
def repository(project: Path) -> Path:
    (project / ".gitignore").write_text(".gen/\n", encoding="utf-8")
    _git(project, "init", "--quiet", "--initial-branch=main")
    _git(project, "add", "--all")
    _git(project, "commit", "--quiet", "--message=start")
    return project


def pin(folder: Path, *pins: str, environment: str = "production", code: int = 0) -> str:
    """Return what `gen image pin` says to people."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        assert pin_images(folder, environment, pins) == code, said.getvalue()
    return said.getvalue()


def changed(before: dict[str, tuple[bytes, int]], folder: Path) -> set[str]:
    after = snapshot(folder)
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}


def test_a_pin_changes_one_line_and_the_images_of_the_chart(project: Path) -> None:
    before = snapshot(project)
    said = pin(project, f"auth-api={A}")
    assert changed(before, project) == {PINS, IMAGES}
    assert ": 0 created, 2 changed, 0 removed, " in said
    old, new = before[PINS][0].decode().splitlines(), (project / PINS).read_text("utf-8").splitlines()
    assert [line for line in new if line not in old] == [f"auth-api: {A}"]
    assert len(old) == len(new)
    assert yaml.safe_load((project / IMAGES).read_text("utf-8"))["images"]["auth-api"] == A
    gen(project, "--check")
    assert ": 0 created, 0 changed, 0 removed, " in pin(project, f"auth-api={A}")


def test_neighbours_in_one_command(project: Path) -> None:
    pin(project, f"ingestion-service={B}", f"auth-api={A}")
    found = yaml.safe_load((project / PINS).read_text("utf-8"))
    assert (found["auth-api"], found["ingestion-service"]) == (A, B)
    gen(project, "--check")


def test_a_file_that_is_not_there_is_created(project: Path) -> None:
    (project / PINS).unlink()
    said = pin(project, f"workflow-engine={C}", f"auth-api={A}", code=2)
    assert "error[missing-pin] found no digest for ingestion-service" in said
    assert not (project / PINS).exists()
    pin(project, f"workflow-engine={C}", f"auth-api={A}", f"ingestion-service={B}")
    assert (project / PINS).read_text("utf-8") == (
        "# Written by `gen image pin`, one line per service.\n"
        f"auth-api: {A}\ningestion-service: {B}\nworkflow-engine: {C}\n"
    )
    assert stat.S_IMODE((project / PINS).stat().st_mode) == 0o644
    gen(project, "--check")


def test_the_first_pins_of_a_new_environment(project: Path) -> None:
    text = (project / "environments/production.yaml").read_text("utf-8")
    text = text.replace("branch: main", "branch: asia").replace("namespace: production", "namespace: asia")
    (project / "environments/production-asia.yaml").write_text(
        text.replace("environment: production", "environment: production-asia"), "utf-8"
    )
    assert "error[missing-pin]" in gen(project, code=2).stderr
    pin(
        project,
        f"auth-api={A}",
        f"ingestion-service={B}",
        f"workflow-engine={C}",
        environment="production-asia",
    )
    gen(project, "--check")


@pytest.mark.parametrize(
    ("pins", "environment", "code"),
    [
        (["auth-api"], "production", "invalid-pin"),
        ([f"={A}"], "production", "invalid-pin"),
        (["auth-api="], "production", "invalid-digest"),
        (["auth-api=latest"], "production", "invalid-digest"),
        ([f"auth-api={A[:-1]}"], "production", "invalid-digest"),
        ([f"auth-api={A.upper()}"], "production", "invalid-digest"),
        ([f"auth-api={A}\n"], "production", "invalid-digest"),
        ([f"auth-api={A}", f"auth-api={A}"], "production", "duplicate-item"),
        ([f"auth-apy={A}"], "production", "unknown-service"),
        ([f"services={A}"], "production", "unknown-service"),
        ([f"a: b\n={A}"], "production", "unknown-service"),
        ([f"auth-api={A}"], "produktion", "unknown-environment"),
        ([f"auth-api={A}"], "platform", "unknown-environment"),
        ([f"auth-api={A}"], "production.images", "unknown-environment"),
        ([f"auth-api={A}"], "../production", "unknown-environment"),
        ([f"auth-api={A}"], "staging", "unused-pin"),
        ([f"auth-api={A}"], "local", "unused-pin"),
    ],
)
def test_what_is_refused(pins: list[str], environment: str, code: str, project: Path) -> None:
    before = snapshot(project)
    said = pin(project, *pins, environment=environment, code=2)
    assert f"error[{code}]" in said
    assert said.count("error[") == 1
    assert changed(before, project) == set()


def test_all_at_once(project: Path) -> None:
    said = pin(
        project, "auth-api", f"auth={A}", "auth-api=x", f"auth-api={A}", environment="production", code=2
    )
    assert said.count("error[") == 4


def test_a_service_that_is_switched_off(project: Path) -> None:
    edit(
        project / "environments/production.yaml",
        "\ndeploy:",
        "\nservices: {ingestion-service: {enabled: false}}\ndeploy:",
    )
    edit(
        project / "environments/production.yaml",
        "  - {name: ingestion is up, service: ingestion-service, get: /health}\n",
        "",
    )
    before = snapshot(project)
    said = pin(project, f"ingestion-service={A}", code=2)
    assert (
        'error[unused-pin] found a pin for "ingestion-service", which is switched off in production' in said
    )
    assert "environments/production.yaml:4:41: it is switched off here" in said
    assert changed(before, project) == set()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: edit(folder / "environments/staging.yaml", "tenants:", "tennants:"),
        lambda folder: edit(folder / "environments/platform.yaml", "services:", "services: ["),
        lambda folder: (folder / "environments/production.yaml").write_text("[", "utf-8"),
        lambda folder: (folder / PINS).write_text("<<<<<<< HEAD\n", "utf-8"),
        lambda folder: (folder / PINS).write_text("- list\n", "utf-8"),
        lambda folder: (folder / PINS).write_bytes(b"auth-api: \xff\n"),
        lambda folder: (folder / PINS).write_text(f"auth-api: {A}\nauth-api: {B}\n", "utf-8"),
        lambda folder: (folder / PINS).write_text(f"auth-apy: {A}\n", "utf-8"),
        lambda folder: (folder / "out/production/stray.txt").write_text("mine", "utf-8"),
        lambda folder: (folder / "package.json").write_text("{", "utf-8"),
    ],
)
def test_nothing_is_written_where_anything_is_wrong(spoil: object, project: Path) -> None:
    spoil(project)
    stray = (project / "out/production/stray.txt").exists()
    before = snapshot(project)
    said = pin(project, f"auth-api={A}", code=0 if stray else 2)
    assert ("error[" in said) != stray
    assert changed(before, project) == ({PINS, IMAGES} if stray else set())


def test_a_link_in_place_of_the_file(project: Path) -> None:
    (project / PINS).rename(project / "elsewhere.yaml")
    (project / PINS).symlink_to("../elsewhere.yaml")
    before = (project / "elsewhere.yaml").read_bytes()
    assert "error[symlink]" in pin(project, f"auth-api={A}", code=2)
    assert (project / "elsewhere.yaml").read_bytes() == before


def test_two_pins_at_once_both_stay(project: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    services = {"auth-api": A, "ingestion-service": B, "workflow-engine": C}
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "compiler", "image", "pin", f"{service}={digest}", "-e", "production"],
            cwd=project,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for service, digest in services.items()
    ]
    for process in runs:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert yaml.safe_load((project / PINS).read_text("utf-8")) == services
    gen(project, "--check")


def test_formats(project: Path) -> None:
    done = gen(project, "image", "pin", "auth-api=x", "-e", "production", "--format", "json", code=2)
    assert '"code": "invalid-digest"' in done.stdout
    assert "usage" in gen(project, "image", "pin", "--help").stdout.lower()
    gen(project, "image", "pin", f"auth-api={A}", code=2)
    gen(project, "image", "pin", "-e", "production", code=2)


def _pin_in_child(folder: Path, at: int, fault: Callable[[str, tuple[Any, ...]], None]) -> int:
    """Pin in a process of its own in which the `at`-th operation on the disk goes wrong; return its exit code."""

    def child() -> None:
        with Counter(at, fault), contextlib.redirect_stderr(io.StringIO()):
            code = pin_images(folder, "production", [f"auth-api={A}"])
        os._exit(code)

    return in_child(child)


def test_killed_anywhere_every_file_is_whole_and_the_next_gen_goes_on(compiled: Path, tmp_path: Path) -> None:
    finished = shutil.copytree(compiled, tmp_path / "finished")
    pin(finished, f"auth-api={A}")
    old, new = snapshot(compiled), snapshot(finished)
    for at in itertools.count(1):
        folder = shutil.copytree(compiled, tmp_path / str(at))
        if _pin_in_child(folder, at, kill) == 0:
            break
        found = snapshot(folder)
        assert all(found[path] in (old[path], new[path]) for path in found)
        with contextlib.redirect_stderr(io.StringIO()):
            assert run(folder) == 0
        # The digests come first, so their outputs never stand without them.
        assert snapshot(folder) == (new if found[PINS] == new[PINS] else old)
        shutil.rmtree(folder)
    assert at > 5


def test_a_full_disk_leaves_both_as_they_were(compiled: Path, tmp_path: Path) -> None:
    def full(name: str, args: tuple[Any, ...]) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = shutil.copytree(compiled, tmp_path / "project")
    before = snapshot(folder)
    for at in itertools.count(1):
        code = _pin_in_child(folder, at, full)
        if code == 0:
            break
        assert code == 2
        assert snapshot(folder) == before, at
    assert at > 5


# --- what git makes of it -------------------------------------------------------------------------------------


def _branch(folder: Path, name: str) -> None:
    _git(folder, "checkout", "--quiet", "-b", name, "main")


def _commit(folder: Path, message: str) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", message)


@pytest.mark.parametrize("order", list(itertools.permutations(["pin", "tenant"])), ids="-".join)
def test_a_pin_and_a_tenant_merge_and_are_in_sync(order: tuple[str, ...], repository: Path) -> None:
    _branch(repository, "pin")
    pin(repository, f"auth-api={A}", f"ingestion-service={B}", f"workflow-engine={C}")
    _commit(repository, "pin")
    _branch(repository, "tenant")
    edit(repository / "environments/production.yaml", "customer1", "customer1, customer2")
    gen(repository)
    _commit(repository, "tenant")
    _git(repository, "checkout", "--quiet", order[0])
    _git(repository, "merge", "--quiet", "--no-edit", order[1])
    gen(repository, "--check")
    assert _git(repository, "status", "--porcelain") == ""
    assert yaml.safe_load((repository / IMAGES).read_text("utf-8"))["images"]["auth-api"] == A


def test_two_pins_of_neighbours_on_two_branches_are_a_conflict_that_gen_names(repository: Path) -> None:
    """Git joins no changes of adjacent lines; and what was tested together is a decision, not a merge."""
    for name, service in {"one": "auth-api", "other": "ingestion-service"}.items():
        _branch(repository, name)
        pin(repository, f"{service}={A}")
        _commit(repository, name)
    _git(repository, "merge", "--quiet", "--no-edit", "one", code=1)
    assert f"{PINS}:3:9: error[yaml-syntax]" in gen(repository, code=2).stderr
    assert "error[yaml-syntax]" in pin(repository, f"auth-api={A}", code=2)
    _git(repository, "checkout", "--theirs", PINS, IMAGES)
    pin(repository, f"ingestion-service={A}")
    _commit(repository, "merged")
    gen(repository, "--check")
    found = yaml.safe_load((repository / PINS).read_text("utf-8"))
    assert (found["auth-api"], found["ingestion-service"]) == (A, A)


# --- what becomes of the text ---------------------------------------------------------------------------------

FILE = f"""# digests of production
# kept by two people

zeta: {A}   # the last one, first
'alpha': "{B}"

# behind alpha
mike: '{C}'
# the end
"""


def test_comments_order_and_quotes_survive() -> None:
    assert pinned(FILE, {"alpha": D, "mike": D, "zeta": D}) == (
        FILE.replace(A, D).replace(B, D).replace(C, D)
    )


def test_a_new_service_stands_in_its_place_and_comments_stay_with_theirs() -> None:
    text = f"# head\nalpha: {A}  # a\n# of mike\nmike: {B}\n# the end\n"
    assert pinned(text, {"beta": D, "delta": C}) == text.replace("# of", f"beta: {D}\ndelta: {C}\n# of")
    assert pinned(text, {"aaa": D}) == text.replace("alpha", f"aaa: {D}\nalpha")
    assert pinned(text, {"zeta": D}) == text.replace("# the end", f"zeta: {D}\n# the end")


def test_line_ends_survive() -> None:
    windows = FILE.replace("\n", "\r\n")
    assert pinned(windows, {"alpha": D}) == windows.replace(B, D)
    text = f"alpha: {A}\r\nmike: {B}\r\n"
    assert pinned(text, {"beta": D, "zeta": C}) == (f"alpha: {A}\r\nbeta: {D}\r\nmike: {B}\r\nzeta: {C}\r\n")
    assert pinned("\ufeff" + text, {"alpha": D}) == "\ufeff" + text.replace(A, D)


def test_a_last_line_without_an_end() -> None:
    text = f"alpha: {A}\nmike: {B}"
    assert pinned(text, {"mike": D}) == f"alpha: {A}\nmike: {D}"
    assert pinned(text, {"beta": D}) == f"alpha: {A}\nbeta: {D}\nmike: {B}\n"
    assert pinned(text, {"zeta": D}) == f"alpha: {A}\nmike: {B}\nzeta: {D}\n"
    assert pinned(text.replace("\n", "\r\n"), {"zeta": D}) == (f"alpha: {A}\r\nmike: {B}\r\nzeta: {D}\r\n")


@pytest.mark.parametrize("text", [None, "", "\n\n", "\ufeff", "\r\n"])
def test_nothing_there(text: str | None) -> None:
    assert pinned(text, {"b": B, "a": A}) == (
        f"# Written by `gen image pin`, one line per service.\na: {A}\nb: {B}\n"
    )


@pytest.mark.parametrize("text", ["# only a comment\n", "# only a comment"])
def test_only_a_comment(text: str) -> None:
    assert pinned(text, {"b": B, "a": A}) == f"# only a comment\na: {A}\nb: {B}\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{{alpha: {A}, mike: {B}}}\n",
        f"{{\n  alpha: {A},\n  mike: {B},\n}}\n",
        f"alpha:\n  {A}\nmike: {B}\n",
        f"? alpha\n: {A}\n? mike\n: {B}\n",
        f"---\nalpha: {A}\nmike: {B}\n",
        f"alpha:\nmike: {B}\n",
        "{}\n",
        f"{{alpha: {A}, mike: {B}}}\r\n",
    ],
)
def test_other_shapes_become_one_line_per_service(text: str) -> None:
    new = pinned(text, {"alpha": D, "beta": C})
    lines = [line for line in new.replace("\r\n", "\n").splitlines() if not line.startswith("---")]
    kept = [f"mike: {B}"] if "mike" in text else []
    assert lines == [f"alpha: {D}", f"beta: {C}", *kept]
    assert ("\r\n" in new) == ("\r\n" in text)


@pytest.mark.parametrize(
    "text", ["<<<<<<< HEAD\n", "- a\n", "text\n", f"a: {A}\na: {B}\n", f"a: &x {A}\n", "a: !t b\n"]
)
def test_what_the_compiler_refuses_comes_back_as_it_is(text: str) -> None:
    assert pinned(text, {"a": D}) == text


NAMES = st.sampled_from(["alpha", "beta", "delta", "mike", "zeta"])
DIGESTS = st.sampled_from([A, B, C, D])


@given(
    there=st.dictionaries(NAMES, DIGESTS, min_size=1),
    new=st.dictionaries(NAMES, DIGESTS, min_size=1),
    quote=st.sampled_from(["", "'", '"']),
    end=st.sampled_from(["\n", "\r\n"]),
    ended=st.booleans(),
    gap=st.sampled_from(["", "# note{end}", "{end}", "{end}# a{end}{end}"]),
)
def test_any_file_ends_with_the_pins_and_what_else_it_held(
    there: dict[str, str], new: dict[str, str], quote: str, end: str, ended: bool, gap: str
) -> None:
    gap = gap.replace("{end}", end)
    lines = [f"{gap}{name}: {quote}{digest}{quote}" for name, digest in there.items()]
    text = end.join(lines) + (end if ended else "")
    result = pinned(text, new)
    assert yaml.safe_load(result) == {**there, **new}
    names = [line.split(":")[0] for line in result.splitlines() if ":" in line]
    assert [name for name in names if name in there] == list(there)
    assert result.count("#") == text.count("#")
    assert "\r\n" not in text or result.replace("\r\n", "").count("\n") == 0
    assert pinned(result, new) == result
    if list(there) == sorted(there):
        assert names == sorted(names)
