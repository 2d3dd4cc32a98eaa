"""Turns a service's revision files into a graph, by reading and never by running them."""
from __future__ import annotations
import ast
import hashlib
import os
import re
import sys
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path
from typing import NamedTuple
from .codes import RunError
from .output import names
SECTION = "alembic"
OUTSIDE = ("autocommit_block", "postgresql_concurrently")
SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}
class Revision(NamedTuple):
 id: str
 slug: str
 parents: tuple[str, ...]
 needs: tuple[str, ...]
 file: Path
 labels: tuple[str, ...] = ()
 checksum: str = ""
 phase: str = ""
 alone: bool = False
class History(NamedTuple):
 revisions: dict[str, Revision]
 head: str | None
 def ancestors(self, ids):
  seen = set()
  todo = [each for each in ids if each in self.revisions]
  while todo:
   each = todo.pop()
   if each not in seen:
    seen.add(each)
    todo += self.revisions[each].parents + self.revisions[each].needs
  return seen
 def pending(self, current):
  done = self.ancestors(current)
  wanted = self.ancestors([self.head] if self.head else [])
  return tuple(each for key, each in self.revisions.items() if key in wanted and key not in done)
 def slug(self, revision):
  known = self.revisions.get(revision)
  return known.slug if known else revision
 def at(self, current):
  return names([self.slug(revision) for revision in current]) or "no revision"
def _broken(reason, way_out):
 return RunError("broken-history", reason, way_out)
def read(folder, config):
 revisions = {}
 for directory, recursive in version_folders(folder, config):
  for file in _files(directory, recursive):
   revision = _revision(file)
   other = revisions.setdefault(revision.id, revision)
   if other is not revision:
    reason = f"revision {revision.id} is in two files: {other.file.name} and {revision.file.name}"
    raise _broken(reason, "give one of them a new id, and its children that parent")
 return _graph(revisions, config)
def _graph(revisions, config):
 labelled = {label: each.id for each in revisions.values() for label in each.labels}
 for each in list(revisions.values()):
  needs = tuple(need if need in revisions else labelled.get(need, need) for need in each.needs)
  revisions[each.id] = each._replace(needs=needs)
 for revision in revisions.values():
  for parent in revision.parents + revision.needs:
   if parent not in revisions:
    reason = f"{revision.file.name} follows revision {parent}, which no file has"
    raise _broken(reason, "correct down_revision, or bring the missing file back")
 followed = {parent for revision in revisions.values() for parent in revision.parents}
 heads = [revision for revision in revisions.values() if revision.id not in followed]
 if len(heads) > 1:
  reason = f"{len(heads)} heads: {' and '.join(sorted(head.file.name for head in heads))}"
  way_out = f"join them in the service's folder: alembic -c {config} merge -m merge_heads heads"
  raise RunError("several-heads", reason, way_out)
 return History(_ordered(revisions), heads[0].id if heads else None)
def _ordered(revisions):
 ordered = {}
 waiting = dict(sorted(revisions.items()))
 while waiting:
  ready = [r for r in waiting.values() if all(parent in ordered for parent in r.parents + r.needs)]
  if not ready:
   files = ", ".join(sorted(revision.file.name for revision in waiting.values()))
   raise _broken(f"revisions follow each other in a circle: {files}", "correct down_revision")
  for revision in ready:
   ordered[revision.id] = revision
   del waiting[revision.id]
 return ordered
def version_folders(folder, config):
 file = folder / config
 parser = ConfigParser({"here": file.absolute().parent.as_posix()})
 try:
  with file.open(encoding="utf-8") as stream:
   parser.read_file(stream)
  keys = ("script_location", "version_locations", "path_separator", "version_path_separator")
  location, several, *separators = (parser.get(SECTION, key, fallback="") for key in keys)
  separator = separators[0] or separators[1]
  recursive = parser.getboolean(SECTION, "recursive_version_locations", fallback=False)
 except OSError as error:
  reason = f"cannot read {file}: {error.strerror}"
  raise RunError("usage", reason, "the plan's config names it") from None
 except (ConfigError, ValueError) as error:
  reason = f"{file}: {str(error).splitlines()[0]}"
  raise RunError("usage", reason, "correct the [alembic] section") from None
 if not location:
  raise RunError("usage", f"{file} has no script_location", "name the migrations' folder there")
 if not several:
  return [(_place(folder, location) / "versions", recursive)]
 places = several.split(SEPARATORS[separator]) if separator in SEPARATORS else re.split(r", *| +", several)
 return [(_place(folder, place.strip()), recursive) for place in places if place.strip()]
def _place(folder, location):
 if Path(location).is_absolute() or ":" not in location:
  return folder / location
 package, *rest = location.split(":")
 for entry in [str(folder), *sys.path]:
  candidate = Path(entry, *package.split("."), *rest)
  if candidate.is_dir():
   return candidate
 return folder / location
def _files(directory, recursive):
 if not directory.is_dir():
  reason = f"the folder of the revisions, {directory}, is not there"
  raise RunError("usage", reason, "correct script_location")
 found = directory.rglob("*.py") if recursive else directory.glob("*.py")
 return sorted(file for file in found if not file.name.startswith((".#", "__init__")))
def _revision(file):
 try:
  data = file.read_bytes()
  tree = ast.parse(data, filename=file.name)
 except (OSError, SyntaxError, ValueError) as error:
  raise _broken(f"{file.name} cannot be read: {error}", "correct the file") from None
 values = {}
 for node in tree.body:
  if isinstance(node, ast.Assign):
   values.update({name.id: node.value for name in node.targets if isinstance(name, ast.Name)})
  elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
   values[node.target.id] = node.value
 for name in ("revision", "down_revision"):
  if name not in values:
   way_out = "write both, or move a module that is no revision elsewhere"
   raise _broken(f"{file.name} has no line `{name} = …`, as Alembic needs of each file", way_out)
 ids = _strings(file, "revision", values["revision"])
 if len(ids) != 1:
  raise _broken(f"{file.name}: revision is not one string", "write it as a plain string")
 phase = values.get("phase")
 return Revision(
  id=ids[0],
  slug=_slug(file, ids[0]),
  parents=_strings(file, "down_revision", values.get("down_revision")),
  needs=_strings(file, "depends_on", values.get("depends_on")),
  file=file,
  labels=_strings(file, "branch_labels", values.get("branch_labels")),
  checksum=hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest(),
  phase=phase.value if isinstance(phase, ast.Constant) and isinstance(phase.value, str) else "",
  alone=any(word.encode() in data for word in OUTSIDE) and any(map(_leaves, ast.walk(tree))),
 )
def _leaves(node):
 return getattr(node, "attr", None) in OUTSIDE or getattr(node, "arg", None) in OUTSIDE
def _strings(file, name, node):
 try:
  value = ast.literal_eval(node) if node is not None else ()
 except ValueError:
  value = node
 if value is None:
  return ()
 items = tuple(value) if isinstance(value, (tuple, list, set)) else (value,)
 if not all(isinstance(item, str) for item in items):
  raise _broken(f"{file.name}: {name} is not written as plain strings", "write it out")
 return items
def _slug(file, revision):
 _before, found, behind = file.stem.partition(revision)
 return behind.lstrip("_-") or revision if found else file.stem
