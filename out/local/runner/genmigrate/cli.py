"""Turns a command line into a driver's run or a worker, and their end into an exit code."""
from __future__ import annotations
import argparse
import gc
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn
from . import plan as plans
from .codes import OK, RunError
from .exchange import PATIENCE_S, Exchange
from .log import leave_message
from .output import HEADING, say
from .selection import services_named, targets_of
COMMANDS = {
 "upgrade": "bring every schema to its head",
 "plan": "show what upgrade would do, in its order",
 "status": "show every schema's revision and what is pending",
 "wait": "wait until PostgreSQL answers",
 "sql": "print the pending SQL, change nothing",
 "verify": "judge every schema: at the head, whole, from the files as they are",
 "snapshot": "write what the migrations make, or compare the file with it (local plan only)",
 "check": "compare a service's models with its migrations",
 "downgrade": "undo revisions down to an exact one, within the policy",
 "unlock": "show who holds locks of schemas",
}
EPILOG = """exit codes: 0 ok, 1 migration failed, 2 usage or plan, 3 database unreachable, 4 locked, 5 database ahead or
unknown revision, 6 refused by policy, 7 deadline, 8 database missing, 9 schema needs a person, 10 terminated,
130 interrupted. When schemas end differently: 2, 1, 9, 5, 8, 6, 7, 130, 10, 3, 4, the first that applies."""
def _seconds(text):
 value = float(text)
 if not 0 <= value <= 1_000_000:
  raise ValueError
 return value
def _path(metavar, text, **more):
 return {"type": Path, "metavar": metavar, "help": text, **more}
def _time(default, text):
 return {"type": _seconds, "default": default, "metavar": "SECONDS", "help": text}
def _names(text):
 return {"nargs": "+", "action": "extend", "default": [], "metavar": "NAME", "help": text}
def _choice(text, *choices):
 return {"choices": choices, "default": choices[0], "help": text}
def _flag(text, **more):
 return {"action": "store_true", "help": text, **more}
PATIENCE = "how long to wait for PostgreSQL or another runner (default: %(default).0f)"
PLAN = _path("FILE", "the compiled plan.json", required=True)
COMMON = {
 "--plan": PLAN,
 "--root": _path("DIR", "root of the repository (default: .)", default=Path()),
 "--exchange": _path("DIR", "folder shared with the workers (default: temporary)"),
 "--service": _names("only these services"),
 "--tenant": _names("only these tenants' own schemas"),
 "--canary": _flag("only the schemas of the plan's canary tenants"),
 "--workers": _choice(
  "start each service's Python; or they run elsewhere; or use this Python", "spawn", "external", "here"
 ),
 "--path": _path("DIR", "with --workers here: the service's folder"),
 "--timeout": _time(5.0, PATIENCE),
 "--worker-timeout": _time(PATIENCE_S, "how long to wait for a worker to appear (default: %(default).0f)"),
 "--log": _choice("lines for people, or one JSON object a line", "text", "json"),
 "--termination-log": _path(
  "FILE",
  "where a cluster reads the last word, if it is there (default: %(default)s)",
  default=Path("/dev/termination-log"),
 ),
 "--deadline": _time(0.0, "stop the run after that long"),
}
LONG = {"--timeout": _time(60.0, PATIENCE)}
MORE = {
 "upgrade": {
  **LONG,
  "--dry-run": _flag("the same as plan"),
  "--manifest": _path("FILE", "write what was done as JSON"),
 },
 "status": {"--json": _flag("machine-readable, on stdout")},
 "wait": {**LONG, "--at-least": _flag("and until each schema is where this image needs it")},
 "verify": {"--drift": _flag("compare each schema with the snapshot too")},
 "snapshot": {
  "--check": _flag("write nothing: say in what the file that is there differs"),
  "--tool": {
   "default": "gen",
   "metavar": "COMMAND",
   "help": "how gen is started here, for ways out (default: %(default)s)",
  },
 },
 "downgrade": {
  **LONG,
  "--to": {"required": True, "metavar": "REVISION", "help": "exact target, or base"},
  "--apply": _flag("do it; without it is only shown"),
 },
 "unlock": {"--show": _flag("nothing is unlocked by force", required=True)},
}
SERVED = {"--plan": PLAN, "--service": {"required": True}}
WORKER = {
 **SERVED,
 "--exchange": _path("DIR", "folder shared with the driver", required=True),
 "--path": _path("DIR", "the service's folder (default: its path in the plan)"),
 "--driver-timeout": _time(PATIENCE_S, "how long to wait for a driver to appear (default: %(default).0f)"),
 "--once": _flag("the folder serves one run only, as in a pod: end with its driver, however that ends"),
}
HAND = {**SERVED, "--socket": {"type": int, "required": True}}
class _Parser(argparse.ArgumentParser):
 def error(self, message):
  raise RunError("usage", message, self.format_usage().strip())
def parser(command = ""):
 top = _Parser(prog="genmigrate", description="Migrate the schemas of a compiled plan.", epilog=EPILOG)
 commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
 all_of_them = {name: (text, {**COMMON, **MORE.get(name, {})}) for name, text in COMMANDS.items()}
 all_of_them["worker"] = "serve one service's orders (a driver's other half)", WORKER
 all_of_them["hand"] = "apply revisions for a worker (its own child)", HAND
 for name in [command] if command in all_of_them else all_of_them:
  text, options = all_of_them[name]
  added = commands.add_parser(name, help=text)
  for option, more in options.items():
   added.add_argument(option, **more)
 return top
def main(arguments):
 lines = []
 try:
  return _run(parser("".join(arguments[:1])).parse_args(arguments))
 except RunError as trouble:
  lines = [f"genmigrate: {trouble.reason}", f"  → {trouble.way_out}"][: 1 + bool(trouble.way_out)]
  say("\n".join(lines), sys.stderr)
  return trouble.code
 except (Exception, KeyboardInterrupt) as error:
  lines = [f"genmigrate: {error!r}"]
  raise
 finally:
  if lines and arguments[:1] != ["hand"]:
   name = "--termination-log"
   alone = _Parser(add_help=False, allow_abbrev=False)
   alone.add_argument(name, **{**COMMON[name], "nargs": "?", "const": Path()})
   leave_message(alone.parse_known_args(arguments)[0].termination_log, lines)
def _run(options):
 plan = plans.load(options.plan)
 if options.command != "worker":
  gc.enable()
 if options.command == "hand":
  from . import hand
  return hand.serve(plan, services_named(plan, [options.service])[0], options.socket)
 code = (_worker if options.command == "worker" else _drive)(plan, options)
 sys.stdout.flush()
 os._exit(code)
def _worker(plan, options):
 from .worker import serve
 (service,) = services_named(plan, [options.service])
 folder = (options.path or Path(service.path)).absolute()
 if not folder.is_dir():
  reason = f"the folder of {service.name}, {folder}, is not there"
  raise RunError("usage", reason, "name it with --path")
 exchange = Exchange(_folder(options.exchange))
 plan_file = options.plan.absolute()
 return serve(plan, plan_file, service, exchange, folder, options.driver_timeout, options.once)
def _drive(plan, options):
 from .driver import Driver, Order
 from .workers import Workers
 if options.command == "upgrade" and options.dry_run:
  options.command = "plan"
 if options.canary:
  options.tenant = [*options.tenant, *plan.policy.canary]
  if not plan.policy.canary:
   raise RunError("usage", "the plan names no canary", "name one in the spec, or leave --canary out")
 targets = targets_of(plan, options.service, options.tenant)
 if options.command == "downgrade" and len(targets) != 1:
  raise RunError("usage", "downgrade needs exactly one --service: a revision belongs to one")
 if options.path and (options.workers != "here" or len(targets) != 1):
  raise RunError("usage", "--path goes with --workers here and exactly one --service")
 if options.workers == "external" and not options.exchange:
  raise RunError("usage", "--workers external needs the folder they share: --exchange DIR")
 exchange, *held = (_folder(options.exchange),) if options.exchange else _scratch()
 try:
  folder = options.path.absolute() if options.path else None
  files = options.plan.absolute(), options.root.absolute(), exchange, folder
  workers = Workers(options.workers, plan, *files, held)
  named = ("at_least", "to", "apply", "drift", "check", "tool")
  more = {key: getattr(options, key) for key in named if key in options}
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
def _scratch():
 try:
  from .scratch import make
 except ImportError:
  return (Path(tempfile.mkdtemp(prefix="genmigrate-")),)
 return make()
def _present(driver, options):
 from .report import as_json, as_manifest, as_table, summary, troubles
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
  leave_message(options.termination_log, log.failures(), text)
  if getattr(options, "manifest", None):
   document = json.dumps(as_manifest(driver), indent=2, ensure_ascii=False)
   options.manifest.write_text(f"{document}\n", encoding="utf-8")
  return code
 code, found = driver.run(go_on=options.command != "wait"), driver.log.failures()
 if options.command == "status":
  say(json.dumps(as_json(driver), indent=2, ensure_ascii=False)) if options.json else as_table(driver)
  found = [*troubles(driver)]
 if code != OK:
  leave_message(options.termination_log, found, f"{options.command} ended with exit code {code}")
 return code
def _touch(file):
 try:
  file.touch()
 except OSError as error:
  raise RunError("usage", f"cannot write {file}: {error.strerror}", "name another --manifest") from None
def _folder(path):
 if not path.is_dir():
  reason = f"the exchange folder {path} is not there"
  raise RunError("usage", reason, "make it, or leave --exchange out")
 return path.absolute()
