"""Turns a schema at one revision into one at another, by Alembic through the service's own env.py."""
from __future__ import annotations
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any
from . import replay
from .codes import RunError
from .fresh import in_schema, keeps
from .hold import Hold
from .output import one_line
from .session import CANCELLED, RETRYABLE, as_path, driver_module, sqlstate, word_of
from .stray import AstrayError
class RevisionError(RunError):
 def __init__(self, error, url, word = "failed", **more):
  super().__init__(word, url.hide(reason_of(error)))
  self.place = place_of(error)
  self._more = {"place": self.place, "revision": "", **more}
 @property
 def facts(self):
  return {**super().facts, **self._more}
def migrate(errand):
 hold = Hold(errand)
 running = []
 def guarded(step, context):
  original = step.migration_fn
  def migrate(**arguments):
   errand.check()
   running.append(step.revision.revision)
   revision = errand.history.revisions[running[-1]]
   errand.tell(at=revision.slug, phase=revision.phase)
   hold.confine(context.connection, revision)
   with replay.heard(errand, revision, context.connection) as learn:
    original(**arguments)
   hold.settle(context.connection)
   learn()
  step.migration_fn = migrate
  return step
 def options(given):
  given["transaction_per_migration"] = True
  agree(given, errand.service, errand.target)
 def by_alembic(goal):
  errand.tell(at="env.py", phase="")
  schema, loaded = errand.target.schema, list(_kept)
  with in_schema(schema, _kept.clear):
   run(errand.service, errand.url, goal, guarded, options, hold=hold)
  if _kept != loaded and any(keeps(vars(each.module), schema) for each in _kept[1].walk_revisions()):
   _kept.clear()
 try:
  return {"seen": _bring(errand, by_alembic, running)}
 except RunError:
  raise
 except (Exception, SystemExit) as error:
  errand.check()
  original = getattr(error, "orig", None) or error
  code = sqlstate(original)
  word = "failed" if hold.halved else word_of(original) or "failed"
  with suppress(Exception):
   hold.abandon()
  _engines.clear()
  more = {"revision": running[-1] if running else "", "sqlstate": code, "halved": hold.halved}
  raise RevisionError(error, errand.url, word, **more) from None
def _bring(errand, by_alembic, running):
 current = tuple(errand.current)
 while True:
  known = replay.chain(errand, current)
  if known and not _replay(errand, known, running):
   by_alembic(errand.goal)
   return False
  current = (known[-1].id,) if known else current
  if known and not errand.history.pending(current):
   return True
  stop = replay.next_known(errand, current)
  by_alembic(stop or errand.goal)
  if stop is None:
   return False
  current = (stop,)
def _replay(errand, known, running):
 try:
  replay.run(errand, _engine(errand.url), known, running)
 except RunError:
  raise
 except Exception as error:
  if sqlstate(error) in (*RETRYABLE, CANCELLED) or word_of(error) == "unreachable":
   raise
  errand.check()
  return False
 return True
def run(
 service,
 url,
 goal,
 guarded,
 options,
 mode = None,
 buffer = None,
 *,
 hold = None,
 plain = False,
):
 from alembic.config import Config
 from alembic.runtime.environment import EnvironmentContext
 from alembic.script import ScriptDirectory
 if _kept and buffer is None:
  config, script, added = _kept
  sys.path[:0] = added
 else:
  before = list(sys.path)
  config = Config(Path.cwd() / service.config, output_buffer=buffer)
  config.set_main_option("sqlalchemy.url", url.for_sqlalchemy().replace("%", "%%"))
  script = ScriptDirectory.from_config(config)
  if hold and hold.keeps_files:
   _kept[:] = [config, script, sys.path[: len(sys.path) - len(before)]]
 def steps(revision, context):
  plan = script._downgrade_revs if hold and hold.task == "down" else script._upgrade_revs
  for step in plan(goal or "heads", revision):
   yield guarded(step, context)
 fn = guarded if plain else steps
 environment = EnvironmentContext(config, script, fn=fn, destination_rev=goal, **(mode or {}))
 configure = environment.configure
 def configure_with_options(*positional, **given):
  options(given)
  configure(*positional, **given)
  if hold:
   hold.take(environment.get_context())
 environment.__dict__.update(configure=configure_with_options)
 with environment:
  if service.skip_env and hold:
   _connect_only(environment, url, hold.path)
  else:
   script.run_env()
_kept = []
_engines = []
_served = 0
CONNECTION_SERVES = 200
def _engine(url):
 import sqlalchemy
 global _served
 if not _engines or _served % CONNECTION_SERVES == 0:
  for engine in _engines:
   engine.dispose()
  scheme = f"postgresql+{driver_module(url).__name__}://"
  _engines[:] = [
   sqlalchemy.create_engine(scheme, connect_args=url.parameters, pool_size=1, max_overflow=0)
  ]
  sqlalchemy.event.listen(_engines[0], "checkout", _forget_session)
 _served += 1
 return _engines[0]
def _forget_session(connection, *_):
 if hasattr(connection, "prepare_threshold"):
  connection.prepare_threshold = None
 connection.autocommit = True
 with connection.cursor() as cursor:
  cursor.execute("DISCARD ALL")
 connection.autocommit = False
def _connect_only(environment, url, path):
 with _engine(url).connect() as connection:
  connection.exec_driver_sql(f"RESET ROLE; SET search_path TO {as_path(path)}")
  connection.commit()
  connection.dialect.default_schema_name = path[0]
  environment.configure(connection=connection)
  with environment.begin_transaction():
   environment.run_migrations()
def agree(given, service, target):
 planned = {"version_table": service.version_table, "version_table_schema": target.version_schema}
 for option, value in planned.items():
  if given.get(option) not in (None, value):
   raise AstrayError(f"env.py sets {option} to {given[option]}, the plan says {value}")
  given[option] = value
def reason_of(error):
 original = getattr(error, "orig", None) or error
 code = sqlstate(original)
 if code:
  message = getattr(getattr(original, "diag", None), "message_primary", None) or original
  return f"{one_line(message)} (SQLSTATE {code})"
 if isinstance(original, AstrayError):
  return one_line(original)
 text = one_line(original)
 name = type(original).__name__
 return name if text == name else f"{name}: {text}"
def place_of(error):
 here = Path.cwd()
 for frame in reversed(traceback.extract_tb(error.__traceback__)):
  file = Path(frame.filename)
  if here in file.parents and "site-packages" not in file.parts:
   return f"{file.relative_to(here)} line {frame.lineno}"
 return ""
