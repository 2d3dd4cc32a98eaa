"""What a person sees on a terminal, in a log and in a cluster's last message, and what a program reads."""

from __future__ import annotations

import itertools
import json
import os
import pty
import re
import select
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from genmigrate import log
from genmigrate.log import Log

from .test_exchange import until
from .test_upgrade import HEADING, without_time

if TYPE_CHECKING:
    from .conftest import Ended, Platform

FAILS = 'if context.get_context().version_table_schema == "accounts_to_shiba": raise ValueError("no")'
AT = [["accounts_a", "fill", "data", 61.2, ""], ["accounts_b", "add_x", "", 0.4, ", blocked by pid 7 (x)"]]


def events(ended: Ended) -> list[dict[str, Any]]:
    """Each line as the object that it is."""
    found = [json.loads(line) for line in ended.lines]
    assert {each["run"] for each in found} == {found[0]["run"]}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}\+00:00", each["time"]) for each in found)
    return found


def test_a_run_without_work_says_nothing_behind_its_schemas(platform: Platform) -> None:
    platform.only("accounts", "intake")
    assert platform.run("upgrade").code == 0
    ended = platform.run("upgrade")
    assert (ended.code, ended.err, ended.out) == (
        0,
        "",
        f"{HEADING}\n  ✓ accounts_default already up-to-date\n  ✓ accounts_to_shiba already up-to-date\n"
        "  ✓ intake already up-to-date\n",
    )
    found = events(platform.run("upgrade", "--log", "json"))
    assert [each["event"] for each in found] == ["begin", *["up-to-date"] * 3, "summary"]
    assert (found[-1]["up_to_date"], found[-1]["code"]) == (3, 0)


def test_a_failing_run_for_programs(platform: Platform) -> None:
    platform.only("accounts", "intake")
    platform.add("accounts", "a3", "a2", "break", FAILS)
    ended = platform.run("upgrade", "--log", "json")
    found = {each["event"]: each for each in events(ended)}
    assert (ended.code, ended.err) == (1, "")
    assert found["applied"]["schema"] == "accounts_default"
    assert found["applied"]["revisions"] == ["create_accounts", "add_email", "break"]
    failed = found["failed"]
    assert [failed[key] for key in ("service", "tenant", "word", "revision", "reason", "way_out")] == [
        "accounts",
        "to-shiba",
        "failed",
        "break",
        "ValueError: no",
        [
            "migrations/versions/a3_break.py line 11",
            "accounts_to_shiba is at add_email, this run applied create_accounts, add_email",
        ],
    ]
    assert (found["skipped"]["service"], found["skipped"]["schemas"]) == ("intake", ["public"])
    summary = found["summary"]
    assert [summary[key] for key in ("up_to_date", "applied", "failed", "skipped", "code")] == [0, 1, 1, 1, 1]


def test_every_command_speaks_to_programs(platform: Platform) -> None:
    platform.only("accounts")
    (planned,) = events(platform.run("plan", "--log", "json"))
    assert (planned["event"], planned["schemas"]) == (
        "would-apply",
        ["accounts_default", "accounts_to_shiba"],
    )
    platform.plan["create_databases"] = False
    (failed, way_out, summary) = events(platform.run("upgrade", "--log", "json"))[1:]
    assert (summary["event"], summary["code"], way_out["text"][:2]) == ("summary", 8, "→ ")
    assert (failed["event"], failed["word"], failed["service"]) == ("failed", "missing-database", "accounts")


@pytest.mark.parametrize("tenants", [2, 60])
def test_the_last_message_of_a_container(platform: Platform, tmp_path: Path, tenants: int) -> None:
    """Tenant, revision and cause, and the summary, in what a cluster keeps of it."""
    platform.only("accounts")
    platform.plan["tenants"] = [f"t{number}" for number in range(tenants)]
    platform.policy(max_failed_tenants=None)
    platform.add("accounts", "a3", "a2", "break", f'raise ValueError("{"é" * 80}")')
    file = tmp_path / "termination"
    file.touch()
    ended = platform.run("upgrade", "--termination-log", str(file))
    assert ended.code == 1
    data = file.read_bytes()
    lines = data.decode().splitlines()
    assert lines[0] == f"✗ accounts_t0 failed at break: ValueError: {'é' * 80}"
    assert lines[1] == "→ migrations/versions/a3_break.py line 11"
    assert lines[-1] == ended.lines[-1]
    failures = [line.partition(" failed at ")[0] for line in lines if line.startswith("✗")]
    assert len(failures) == len(set(failures))
    assert len(data) <= 4096
    assert (lines[-2].endswith("…"), len(data) > 4000) == ((True, True) if tenants > 2 else (False, False))
    assert len(failures) == 2 or tenants > 2


def test_no_message_where_no_cluster_reads_it(platform: Platform, tmp_path: Path) -> None:
    platform.only("accounts")
    assert platform.run("upgrade", "--termination-log", str(tmp_path / "not-there")).code == 0
    assert not (tmp_path / "not-there").exists()


NO_PLAN = '{"version": 1, "tenants": ' + "[" * 20_000


@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [
        (("upgrade", "--plan", "plan.json", "--frobnicate"), "genmigrate: unrecognized arguments: --fro", ""),
        (("frobnicate",), "genmigrate: argument COMMAND: invalid choice: 'frobnicate'", ""),
        (
            ("upgrade", "--plan", "plan.json", "--tenant", "x" * 5000),
            f"genmigrate: no tenant {'x' * 4000}",
            "…",
        ),
        (
            ("upgrade", "--plan", "plan.json", "--tenant", "\udcff"),
            "genmigrate: no tenant ?",
            "→ known: de",
        ),
        (("upgrade", "--plan", "nowhere.json"), "genmigrate: cannot read the plan nowhere.json: No such", ""),
        (
            ("status", "--plan", "broken.json"),
            "genmigrate: broken.json is not a plan: ",
            "→ compile it again",
        ),
        (
            ("upgrade", "--plan", "plan.json", "--workers", "external"),
            "genmigrate: --workers external needs",
            "",
        ),
        (
            ("upgrade", "--plan", "plan.json", "--manifest", "no/m.json"),
            "genmigrate: cannot write no/m.json",
            "",
        ),
        (
            ("worker", "--plan", "plan.json", "--exchange", "."),
            "genmigrate: the following arguments are requ",
            "",
        ),
    ],
)
def test_the_last_message_of_a_usage_error(
    platform: Platform, tmp_path: Path, arguments: tuple[str, ...], first: str, last: str
) -> None:
    """What is said on stderr, at most 4 KiB of it, also where the command line itself is the error."""
    (tmp_path / "broken.json").write_text(NO_PLAN)
    (tmp_path / "plan.json").write_text(json.dumps(platform.plan))
    for option in (("--termination-log", "message"), ("--termination-log=message",)):
        (tmp_path / "message").write_text("")
        done = subprocess.run(
            platform.command(*map(os.fsencode, (*arguments, *option))),  # type: ignore[arg-type]
            env=platform.environ, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        message = (tmp_path / "message").read_text()
        assert (done.returncode, done.stdout) == (2, "")
        assert message.startswith(first), message
        assert last in message.splitlines()[-1][-300:]
        said = " ".join(done.stderr.replace("->", "→").split())
        assert said.startswith(" ".join(message.removesuffix("…\n").split()))
        assert len(message.encode()) <= 4096


def test_the_last_message_of_each_end(platform: Platform, tmp_path: Path) -> None:
    """A wrong URL, another driver, a command without a summary, an end that nobody foresaw; and no failure."""
    platform.only("accounts")
    (tmp_path / "message").write_text("")
    given = ("--termination-log", str(tmp_path / "message"))

    def message(code: int, *arguments: str, **environ: str) -> list[str]:
        (tmp_path / "message").write_text("")
        ended = platform.run(*arguments, *given, **environ)
        assert ended.code == code, ended
        return (tmp_path / "message").read_text().splitlines()

    wrong = "✗ accounts usage: ACCOUNTS_DATABASE_URL is not a PostgreSQL URL that this runner reads"
    way_out = "→ write it as postgresql://user:password@host:5432/database, special characters as %XX"
    for command in ("upgrade", "status", "verify", "wait"):
        *told, last = message(2, command, ACCOUNTS_DATABASE_URL="mysql://u:secret@h/d")
        assert told == [wrong, way_out]
        assert last.startswith("2 schemas: " if command == "upgrade" else f"{command} ended with exit code 2")
    exchange = tmp_path / "taken"
    exchange.mkdir()
    platform.start("upgrade", "--exchange", str(exchange), "--workers", "external")
    until(lambda: (exchange / "driver").exists())
    assert message(4, "upgrade", "--exchange", str(exchange))[0].startswith(
        "genmigrate: another driver works"
    )
    unforeseen = message(1, "upgrade", "--manifest", "/dev/full")
    assert unforeseen == ["genmigrate: OSError(28, 'No space left on device')"]
    assert message(0, "upgrade")[0].startswith("2 schemas: 2 up-to-date")
    assert message(0, "status") == []


@pytest.mark.parametrize("length", range(4))
def test_a_message_is_cut_at_a_character(tmp_path: Path, length: int) -> None:
    told = Log("silent", "r")
    told.line("  ✗ " + "a" * length + "é→" * 2000)
    (tmp_path / "m").touch()
    log.leave_message(tmp_path / "m", told.failures(), "2 schemas: …")
    data = (tmp_path / "m").read_bytes()
    assert 4090 <= len(data) <= 4096
    assert data.decode().endswith("…\n2 schemas: …\n")


def test_a_plain_log_says_now_and_then_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(log.time, "monotonic", lambda: now[0])
    told = Log("text", "r")
    told.tick()
    for seconds in range(1, 65):
        now[0] += 1
        told.progress("accounts", seconds, 300, AT)
        told.tick()
    out, err = capsys.readouterr()
    work = "at work: accounts_a (fill, data, 61 s), accounts_b (add_x, 0 s, blocked by pid 7 (x))"
    assert out == ""
    assert err.splitlines() == [
        f"  … accounts: 30 of 300 schemas, 30 s, about 270 s left; {work}",
        f"  … accounts: 60 of 300 schemas, 60 s, about 240 s left; {work}",
    ]
    told.idle()
    now[0] += 60
    told.tick()
    assert capsys.readouterr() == ("", "")


def test_what_has_ended_is_no_longer_at_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its line may come long before the next word about how far the run is."""
    told = Log("text", "r")
    told.progress("accounts", 20, 300, AT)
    told.line("done", service="accounts", event={"event": "applied", "schema": "accounts_a"})
    monkeypatch.setattr(told, "_next", 0.0)
    told.tick()
    told.line("done", service="accounts", event={"event": "applied", "schema": "accounts_b"})
    monkeypatch.setattr(told, "_next", 0.0)
    told.tick()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("at work: accounts_b (add_x, 0 s, blocked by pid 7 (x))")


def test_progress_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    Log("json", "r").progress("accounts", 3, 300, AT)
    out, err = capsys.readouterr()
    (found,) = map(json.loads, out.splitlines())
    assert (err, found["event"], found["done"], found["total"]) == ("", "progress", 3, 300)
    assert found["at"][1] == {
        "schema": "accounts_b",
        "revision": "add_x",
        "phase": "",
        "seconds": 0.4,
        "blockers": ", blocked by pid 7 (x)",
    }


def test_programs_are_told_what_changed_and_that_a_run_lives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seconds that pass, of a schema or of what blocks it, are no change."""
    now = [1000.0]
    monkeypatch.setattr(log.time, "monotonic", lambda: now[0])
    told = Log("json", "r")

    def tell(
        seconds: int, done: int = 3, at: str = "add_x", phase: str = "", why: str = "", name: str = "accounts"
    ) -> int:
        for second in range(seconds):
            now[0] += 1
            blockers = why or f", blocked by pid 7 (psql, active, transaction of {second} s: SELECT 1)"
            told.progress(name, done, 300, [["accounts_a", at, phase, second + 0.1, blockers]])
            told.tick()
        return len(capsys.readouterr().out.splitlines())

    assert tell(9) == 1
    assert tell(60) in (6, 7)
    assert [tell(3, 4), tell(3, 4, "add_y"), tell(3, 4, "add_y", "data")] == [1, 1, 1]
    assert [tell(3, why=" "), tell(3, why=", blocked by pid 8 (x)"), tell(3, name="flows")] == [1, 1, 1]


def test_a_long_revision_for_programs(platform: Platform) -> None:
    platform.only("accounts")
    platform.plan["tenants"] = ["default"]
    platform.add("accounts", "a3", "a2", "fill", 'op.execute("SELECT pg_sleep(4.5)")')
    found = [each for each in events(platform.run("upgrade", "--log", "json")) if each["event"] == "progress"]
    told = [[(work["schema"], work["revision"]) for work in each["at"]] for each in found]
    assert told[-1] == [("accounts_default", "fill")]
    assert all(one != other for one, other in itertools.pairwise(told))


def on_a_terminal(platform: Platform, *arguments: str, **environ: str) -> tuple[int, bytes]:
    """Run a command with both outputs on a terminal of 100 columns; returns its code and what the terminal got."""
    ours, theirs = pty.openpty()
    command = platform.command(*arguments, "--plan", str(platform.plan_file), "--root", str(platform.root))
    process = subprocess.Popen(
        command,
        env={**platform.environ, "TERM": "xterm", "COLUMNS": "100", **environ},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    got = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not data:
            break
        got += data
    os.close(ours)
    return process.wait(30), got


def screen(got: bytes) -> list[str]:
    """What is left of it on the terminal: each line as it was when the next began."""
    lines = []
    for line in got.decode().split("\r\n"):
        shown = ""
        for part in line.split("\r"):
            shown = re.split(r"\x1b\[2K", part)[-1] if "\x1b[2K" in part else part + shown[len(part) :]
        lines.append(shown)
    return lines


def test_a_terminal_sees_what_is_at_work_and_nothing_of_it_in_the_end(platform: Platform) -> None:
    platform.only("accounts", "intake")
    platform.plan["tenants"] = ["default"]
    file = platform.add("accounts", "a3", "a2", "fill", 'op.execute("SELECT pg_sleep(1.5)")')
    file.write_text(f'{file.read_text()}\n\nphase = "data"\n')
    platform.add("intake", "i2", "i1", "wait", 'op.execute("SELECT pg_sleep(0.6)")')
    code, got = on_a_terminal(platform, "upgrade")
    assert code == 0, got
    live = re.findall(r"\r\x1b\[2K(  … [^\r\n]*)", got.decode())
    pattern = r"  … accounts: 0 of 1 schemas, \d s; at work: accounts_default \(fill, data, \d s\)"
    assert any(re.fullmatch(pattern, line) for line in live), got
    assert "… accounts:" not in got.decode().partition("Applied new migrations to accounts")[2]
    assert [without_time(line) for line in screen(got)] == [
        HEADING,
        "  ✓ Applied new migrations to accounts_default (create_accounts, add_email, fill)",
        "  ✓ Applied new migrations to intake (create_files, wait)",
        "2 schemas: 0 up-to-date, 2 applied, 0 failed, 0 skipped (T)",
        "",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_live_line_goes_before_each_other_line(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """Of both outputs, and on a terminal that cannot show its signs; it is no longer than a line."""
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    with (
        os.fdopen(theirs, "w", encoding=encoding) as out,
        os.fdopen(os.dup(theirs), "w", encoding=encoding) as err,
    ):
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stderr", err)
        told = Log("text", "r")
        for note in (True, False, True):
            told.progress("accounts", 20, 300, AT)
            monkeypatch.setattr(told, "_next", 0.0)
            told.tick()
            told.line("a line", note=note)
        monkeypatch.setattr(told, "_next", 0.0)
        told.tick()
        told.idle()
        got = b""
        while select.select([ours], [], [], 0.5)[0]:  # a terminal may hand it over in pieces
            got += os.read(ours, 65536)
    os.close(ours)
    assert got.count(b" accounts: 20 of 300 schemas, ") == 4, got
    lines = re.findall(r"\r\x1b\[2K([^\r\n]+)", got.decode())
    assert all(len(line) <= 59 for line in lines if "accounts" in line), lines
    assert screen(got) == ["a line", "a line", "a line", ""]


def test_a_failure_that_is_said_again_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = Log("text", "r")
    for text in ("  ✗ a failed at x: no", "    → place", *["  ✓ b already up-to-date"] * 50):
        told.line(text)
    told.repeat_failures()
    (tmp_path / "m").touch()
    log.leave_message(tmp_path / "m", told.failures(), "51 schemas: …")
    assert capsys.readouterr().out.endswith("  ✗ a failed at x: no\n")
    assert (tmp_path / "m").read_text() == "✗ a failed at x: no\n→ place\n51 schemas: …\n"
