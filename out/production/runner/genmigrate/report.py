"""Turns what a run found into a line or a table for people, or a document for programs."""
from __future__ import annotations
from collections import Counter
from typing import Any
from .driver import COUNTED
from .output import names, say, table
VERSION = 1
HEAD = ("service", "schema", "state", "current", "pending")
def as_json(driver):
 return _document(driver, [_service(outcome) for outcome in driver.outcomes])
def as_manifest(driver):
 found = [outcome.result["document"] for outcome in driver.outcomes if outcome.result["document"]]
 return {**_document(driver, found), "run": driver.run_id}
def _document(driver, services):
 plan = driver.plan
 head = {"version": VERSION, "platform": plan.platform, "environment": plan.environment}
 return {**head, "services": services}
def _service(outcome):
 found = {key: outcome.result[key] for key in ("reason", "way_out", "heads", "schemas")}
 state = outcome.result["word"] or "answers"
 return {"name": outcome.service.name, "database": outcome.service.database, "state": state, **found}
def as_table(driver):
 rows = [row for outcome in driver.outcomes for row in _rows(driver, outcome)]
 for line in (*table([HEAD, *rows]), *troubles(driver)):
  say(line)
def troubles(driver):
 for outcome in driver.outcomes:
  result = outcome.result
  whole = {**result, "schema": outcome.service.name, "state": result["word"]}
  for each in [whole, *result["schemas"]]:
   if each["reason"]:
    yield f"  ✗ {each['schema']} {each['state']}: {each['reason']}"
    if each["way_out"]:
     yield f"    → {each['way_out']}"
def _rows(driver, outcome):
 service, word = outcome.service.name, outcome.result["word"]
 if word:
  return [(service, target.schema, word, "?", "?") for target in driver.order.targets[service]]
 def named(revisions):
  return names([each["name"] for each in revisions]) or "-"
 return [
  (service, schema["schema"], schema["state"], named(schema["current"]), named(schema["pending"]))
  for schema in outcome.result["schemas"]
 ]
def summary(driver, left, seconds, code):
 total = Counter(skipped=left)
 for outcome in driver.outcomes:
  total.update(outcome.counts)
 counts = {key: total[key] for key in COUNTED}
 parts = ", ".join(f"{count} {key.replace('_', '-')}" for key, count in counts.items())
 text = f"{sum(total.values())} schemas: {parts} (run {driver.run_id}, {seconds:.1f} s)"
 return text, {"event": "summary", **counts, "seconds": round(seconds, 1), "code": code}
