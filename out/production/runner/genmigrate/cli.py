"""Turns a command line into a driver's run or a worker, and their end into an exit code."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from genmigrate import plan as plans
from genmigrate.codes import OK, USAGE, RunError
from genmigrate.exchange import PATIENCE_S, Exchange
from genmigrate.output import HEADING, say

if TYPE_CHECKING:
    from genmigrate.driver import Driver
    from genmigrate.plan import Plan, Service, Target

TIMEOUT_S = {"upgrade": 60.0, "downgrade": 60.0, "wait": 60.0}
COMMANDS = {
    "upgrade": "bring every schema to its head",
    "plan": "show what upgrade would do, in its order",
    "status": "show every schema's revision and what is pending",
    "wait": "wait until PostgreSQL answers",
    "sql": "print the pending SQL, change nothing",
    "verify": "judge every schema: at the head, whole, from the files as they are",
    "snapshot": "write what the migrations make, to be compared with by verify --drift (local plan only)",
    "check": "compare a service's models with its migrations",
    "downgrade": "undo revisions down to an exact one, within the policy",
    "unlock": "show who holds locks of schemas",
}
EPILOG = """exit codes: 0 ok, 1 migration failed, 2 usage or plan, 3 database unreachable, 4 locked, 5 database ahead or
unknown revision, 6 refused by policy, 7 deadline, 8 database missing, 9 schema needs a person, 10 terminated,
130 interrupted. When schemas end differently: 2, 1, 9, 5, 8, 6, 7, 130, 10, 3, 4, the first that applies."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        say(f"{self.prog}: {message}\n{self.format_usage().strip()}", sys.stderr)
        raise SystemExit(USAGE)


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="genmigrate", description="Migrate the schemas of a compiled plan.", epilog=EPILOG)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    subs = {name: commands.add_parser(name, help=help_) for name, help_ in COMMANDS.items()}
    for name, sub in subs.items():
        _common(sub, TIMEOUT_S.get(name, 5.0))
    subs["status"].add_argument("--json", action="store_true", help="machine-readable, on stdout")
    subs["wait"].add_argument(
        "--at-least", action="store_true", help="and until each schema is where this image needs it"
    )
    subs["upgrade"].add_argument("--dry-run", action="store_true", help="the same as plan")
    subs["upgrade"].add_argument("--manifest", type=Path, metavar="FILE", help="write what was done as JSON")
    subs["downgrade"].add_argument("--to", required=True, metavar="REVISION", help="exact target, or base")
    subs["downgrade"].add_argument("--apply", action="store_true", help="do it; without it is only shown")
    subs["verify"].add_argument(
        "--drift", action="store_true", help="compare each schema with the snapshot too"
    )
    subs["unlock"].add_argument(
        "--show", action="store_true", required=True, help="nothing is unlocked by force"
    )
    worker = commands.add_parser("worker", help="serve one service's orders (a driver's other half)")
    for option in ("--plan", "--exchange"):
        worker.add_argument(option, type=Path, required=True)
    worker.add_argument("--service", required=True)
    worker.add_argument("--path", type=Path, help="the service's folder (default: its path in the plan)")
    late = f"how long to wait for a driver to appear (default: {PATIENCE_S:.0f})"
    worker.add_argument("--driver-timeout", type=_seconds, default=PATIENCE_S, metavar="SECONDS", help=late)
    once = "the folder serves one run only, as in a pod: end with its driver, however that ends"
    worker.add_argument("--once", action="store_true", help=once)
    hand = commands.add_parser("hand", help="apply revisions for a worker (its own child)")
    hand.add_argument("--plan", type=Path, required=True)
    hand.add_argument("--service", required=True)
    hand.add_argument("--socket", type=int, required=True)
    return top


def _common(sub: argparse.ArgumentParser, timeout: float) -> None:
    sub.add_argument("--plan", type=Path, required=True, metavar="FILE", help="the compiled plan.json")
    sub.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="root of the repository (default: .)"
    )
    sub.add_argument(
        "--exchange", type=Path, metavar="DIR", help="folder shared with the workers (default: temporary)"
    )
    sub.add_argument(
        "--service", nargs="+", action="extend", default=[], metavar="NAME", help="only these services"
    )
    sub.add_argument(
        "--tenant",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="only these tenants' own schemas",
    )
    sub.add_argument("--canary", action="store_true", help="only the schemas of the plan's canary tenants")
    sub.add_argument(
        "--workers",
        choices=("spawn", "external", "here"),
        default="spawn",
        help="start each service's Python; or they run elsewhere; or use this Python",
    )
    sub.add_argument("--path", type=Path, metavar="DIR", help="with --workers here: the service's folder")
    wait_help = f"how long to wait for PostgreSQL or another runner (default: {timeout:.0f})"
    sub.add_argument("--timeout", type=_seconds, default=timeout, metavar="SECONDS", help=wait_help)
    late = f"how long to wait for a worker to appear (default: {PATIENCE_S:.0f})"
    sub.add_argument("--worker-timeout", type=_seconds, default=PATIENCE_S, metavar="SECONDS", help=late)
    sub.add_argument(
        "--log", choices=("text", "json"), default="text", help="lines for people, or one JSON object a line"
    )
    sub.add_argument(
        "--termination-log",
        type=Path,
        default=Path("/dev/termination-log"),
        metavar="FILE",
        help="where a cluster reads the last word, if it is there (default: /dev/termination-log)",
    )
    sub.add_argument(
        "--deadline", type=_seconds, default=0.0, metavar="SECONDS", help="stop the run after that long"
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1_000_000:
        raise ValueError
    return value


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        plan = plans.load(options.plan)
        if options.command == "worker":
            code = _worker(plan, options)
            sys.stdout.flush()
            os._exit(code)
        if options.command == "hand":
            from genmigrate import hand

            return hand.serve(plan, _services(plan, [options.service])[0], options.socket)
        return _drive(plan, options)
    except RunError as trouble:
        say(f"genmigrate: {trouble.reason}", sys.stderr)
        if trouble.way_out:
            say(f"  → {trouble.way_out}", sys.stderr)
        return trouble.code


def _worker(plan: Plan, options: argparse.Namespace) -> int:
    from genmigrate.worker import serve

    (service,) = _services(plan, [options.service])
    folder = (options.path or Path(service.path)).absolute()
    if not folder.is_dir():
        raise RunError(
            "usage", f"the folder of {service.name}, {folder}, is not there", "name it with --path"
        )
    exchange = Exchange(_folder(options.exchange))
    plan_file = options.plan.absolute()
    return serve(plan, plan_file, service, exchange, folder, options.driver_timeout, options.once)


def _drive(plan: Plan, options: argparse.Namespace) -> int:
    from genmigrate.driver import Driver, Order
    from genmigrate.workers import Workers

    if options.command == "upgrade" and options.dry_run:
        options.command = "plan"
    if options.canary:
        options.tenant = [*options.tenant, *plan.policy.canary]
        if not plan.policy.canary:
            raise RunError("usage", "the plan names no canary", "name one in the spec, or leave --canary out")
    targets = _targets(plan, options.service, options.tenant)
    if options.command == "downgrade" and len(targets) != 1:
        raise RunError("usage", "downgrade needs exactly one --service: a revision belongs to one", "")
    if options.path and (options.workers != "here" or len(targets) != 1):
        raise RunError("usage", "--path goes with --workers here and exactly one --service", "")
    if options.workers == "external" and not options.exchange:
        raise RunError("usage", "--workers external needs the folder they share: --exchange DIR", "")
    exchange = _folder(options.exchange) if options.exchange else Path(tempfile.mkdtemp(prefix="genmigrate-"))
    try:
        folder = options.path.absolute() if options.path else None
        workers = Workers(
            options.workers, plan, options.plan.absolute(), options.root.absolute(), exchange, folder
        )
        more = {key: getattr(options, key) for key in ("at_least", "to", "apply", "drift") if key in options}
        more["document"] = bool(getattr(options, "manifest", None))
        if more["document"]:
            _touch(options.manifest)
        times = (options.timeout, options.worker_timeout, options.deadline)
        order = Order(options.command, targets, *times, more)
        style = "silent" if options.command == "status" else options.log
        return _present(Driver(plan, Exchange(exchange), workers, order, style), options)
    finally:
        if not options.exchange:
            shutil.rmtree(exchange, ignore_errors=True)


def _present(driver: Driver, options: argparse.Namespace) -> int:
    from genmigrate.report import as_json, as_manifest, as_table, summary

    began = time.monotonic()
    if options.command in ("upgrade", "downgrade"):
        log = driver.log
        if options.command == "upgrade":
            log.line(HEADING, event={"event": "begin", "environment": driver.plan.environment})
        code = driver.run(go_on=False)
        left = driver.name_the_rest()
        log.repeat_failures()
        text, told = summary(driver, left, time.monotonic() - began, code)
        if code != OK or options.log == "json" or told["applied"]:
            log.line(text, event=told)
        if options.termination_log.is_file():
            log.leave_message(options.termination_log, text)
        if getattr(options, "manifest", None):
            document = json.dumps(as_manifest(driver), indent=2, ensure_ascii=False)
            options.manifest.write_text(f"{document}\n", encoding="utf-8")
        return code
    code = driver.run(go_on=options.command != "wait")
    if options.command == "status":
        say(json.dumps(as_json(driver), indent=2, ensure_ascii=False)) if options.json else as_table(driver)
    return code


def _touch(file: Path) -> None:
    try:
        file.touch()
    except OSError as error:
        raise RunError("usage", f"cannot write {file}: {error.strerror}", "name another --manifest") from None


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise RunError(
            "usage", f"the exchange folder {path} is not there", "make it, or leave --exchange out"
        )
    return path.absolute()


def _services(plan: Plan, names: list[str]) -> list[Service]:
    known = {service.name: service for service in plan.services}
    for name in names:
        if name not in known:
            raise RunError("usage", f"no service {name} in the plan", f"known: {', '.join(known)}")
    return [service for service in plan.services if not names or service.name in names]


def _targets(plan: Plan, services: list[str], tenants: list[str]) -> dict[str, tuple[Target, ...]]:
    for tenant in tenants:
        if tenant not in plan.tenants:
            raise RunError(
                "usage", f"no tenant {tenant} in the plan", f"known: {', '.join(plan.tenants[:20])}"
            )
    chosen = {service.name: plan.targets(service, tuple(tenants)) for service in _services(plan, services)}
    if tenants and services and not any(chosen.values()):
        reason = f"{', '.join(services)} has one schema for all tenants"
        raise RunError("usage", f"{reason}, so there is none of {', '.join(tenants)}", "leave --tenant out")
    return {name: targets for name, targets in chosen.items() if targets}
