"""Turns a service into the worker process that serves it."""
from __future__ import annotations
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, NamedTuple
from . import environment
from .codes import RunError
from .output import one_line
TAIL_BYTES = 4096
LONGEST_VARIABLE = 120_000
class Started(NamedTuple):
 process: subprocess.Popen[bytes]
 output: IO[bytes]
 hide: Callable[[str], str]
 def ended(self):
  return self.process.poll()
 def wait(self, seconds):
  with contextlib.suppress(subprocess.TimeoutExpired):
   self.process.wait(seconds)
 def last_line(self):
  size = self.output.seek(0, os.SEEK_END)
  self.output.seek(max(0, size - TAIL_BYTES))
  lines = [line for line in self.output.read().decode("utf-8", "replace").splitlines() if line.strip()]
  return self.hide(one_line(lines[-1])) if lines else "it printed nothing"
 def kill(self):
  with contextlib.suppress(ProcessLookupError, PermissionError):
   os.killpg(self.process.pid, signal.SIGKILL)
  self.process.wait()
  self.output.close()
class Workers(NamedTuple):
 mode: str
 plan: Plan
 plan_file: Path
 root: Path
 exchange: Path
 folder: Path | None
 held: Sequence[int] = ()
 def start(self, service):
  if self.mode == "external":
   return None
  folder = self.folder or self.root / service.path
  if not folder.is_dir():
   reason = f"the folder of {service.name}, {folder}, is not there"
   raise RunError("not-started", reason, "correct its path")
  package = Path(__file__).absolute().parent
  environ = environment.for_worker(environment.with_dotenv(os.environ, folder, self.root), package)
  tenants = ",".join(self.plan.tenants)
  if len(tenants) < LONGEST_VARIABLE:
   environ[self.plan.tenants_env] = tenants
  served = ["--plan", str(self.plan_file), "--exchange", str(self.exchange), "--service", service.name]
  served += ["--path", str(folder), "--driver-timeout", "20"]
  command = [*self.python(service), "-m", "genmigrate", "worker", *served]
  return _start(command, self.root, environ, environ.get(service.url_env, ""), self.held)
 def python(self, service):
  return list(service.python) if self.mode == "spawn" else [sys.executable]
def _start(
 command,
 cwd,
 environ,
 url,
 held,
):
 output = tempfile.TemporaryFile()
 try:
  process = subprocess.Popen(
   command,
   cwd=cwd,
   env=environ,
   stdin=subprocess.DEVNULL,
   stdout=output,
   stderr=output,
   pass_fds=held,
   start_new_session=True,
  )
 except OSError as error:
  output.close()
  reason = f"cannot start {command[0]}: {error.strerror}"
  raise RunError("not-started", reason, "install it, or put it on PATH") from None
 from .url import mask_for
 return Started(process, output, mask_for(url))
