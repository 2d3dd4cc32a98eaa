"""Turns a service's models and one of its migrated schemas into what one has and the other has not."""
from __future__ import annotations
from typing import Any
from .alembic_run import RevisionError, agree, run
from .fresh import in_schema
from .output import one_line
def differences(errand):
 from alembic.autogenerate import api
 found = []
 def options(given):
  agree(given, errand.service, errand.target)
  asked = given.get("include_object")
  table = errand.service.version_table
  def include(thing, name, kind, reflected, other):
   if (
    kind == "table" and name == table
   ):
    return False
   return bool(asked(thing, name, kind, reflected, other)) if asked else True
  given["include_object"] = include
 def compare(_revision, context):
  for change in api.compare_metadata(context, context.opts["target_metadata"]):
   parts = change if isinstance(change, list) else [change]
   found.extend(_spell(part) for part in parts)
  return []
 try:
  with in_schema(errand.target.schema):
   run(errand.service, errand.url, None, compare, options, plain=True)
 except (Exception, SystemExit) as error:
  raise RevisionError(error, errand.url) from None
 return found
def _spell(change):
 kind, *rest = change
 names = [str(getattr(each, "name", None) or each) for each in rest if each is not None and each != {}]
 return one_line(f"{kind} {' '.join(names)}")
