"""Turns the caller's environment and .env files into the environment of a service's worker."""
from __future__ import annotations
import os
import re
import sys
from pathlib import Path
CONTAMINATION = {
 "VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__",
 "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_WORKING_DIR", "UV_WORKING_DIRECTORY",
 "ALEMBIC_SCHEMA", "ALEMBIC_CONFIG",
}
EXPORT = re.compile(r"^export\s+")
def parse_dotenv(text):
 values = {}
 for line in text.splitlines():
  key, equals, value = EXPORT.sub("", line.strip()).partition("=")
  key = key.strip()
  if equals and key and not key.startswith("#"):
   values[key] = _value(value.strip())
 return values
def _value(raw):
 if raw[:1] in ("'", '"'):
  end = raw.find(raw[0], 1)
  return raw[1:end] if end > 0 else raw[1:]
 return "" if raw.startswith("#") else raw.split(" #", 1)[0].split("\t#", 1)[0].rstrip()
def with_dotenv(environ, service_folder, root):
 filled = dict(environ)
 above = [folder for folder in service_folder.parents if folder == root or root in folder.parents]
 for folder in [service_folder, *(above if service_folder != root else ())]:
  file = folder / ".env"
  if file.is_file():
   found = parse_dotenv(file.read_text(encoding="utf-8-sig", errors="replace"))
   filled.update({key: value for key, value in found.items() if value and not filled.get(key)})
 return filled
def for_worker(environ, package):
 clean = {key: value for key, value in environ.items() if key not in CONTAMINATION}
 if environ.get("VIRTUAL_ENV"):
  clean.pop("VIRTUAL_ENV_PROMPT", None)
 return {**clean, "PYTHONPATH": str(package.parent), "PYTHONSAFEPATH": "1"}
def leave_no_trace(package):
 here, cwd = os.path.realpath(package.parent), os.path.realpath(Path.cwd())
 inherited = os.environ.pop("PYTHONPATH", "").split(os.pathsep)
 kept = [entry for entry in inherited if entry and os.path.realpath(entry) != here]
 if kept:
  os.environ["PYTHONPATH"] = os.pathsep.join(kept)
 os.environ.pop("PYTHONSAFEPATH", None)
 if sys.path and os.path.realpath(sys.path[0] or cwd) == cwd:
  del sys.path[0]
 sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or cwd) != here]
