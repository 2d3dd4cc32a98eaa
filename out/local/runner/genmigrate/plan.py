"""Turns a plan.json into a Plan, and refuses every key or value it does not know."""
from __future__ import annotations
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, NoReturn
from .codes import RunError
VERSION = 1
LABEL = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
TENANT = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
FREE = "(?!pg_|(genmigrate|information_schema)$)"
SCHEMA = FREE + r"([a-z_][a-z0-9_]{0,62}|([a-z_][a-z0-9_]{0,52})?\{tenant\}[a-z0-9_]{0,52})"
PLAIN_SCHEMA = FREE + "[a-z_][a-z0-9_]{0,62}"
DATABASE = r"[a-z_][a-z0-9_-]{0,62}"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
TABLE = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
PATH = r"(?!/)(?!([^/]*/)*\.\.(/|$))[^\\:\u0000-\u001f\u007f]{1,512}"
WORD = r"[^\u0000-\u001f\u007f]{1,512}"
IDENTIFIER_BYTES = 63
TOGETHER = "the plan and the runner beside it are made together: compile both again with gen"
class Target(NamedTuple):
 tenant: str | None
 schema: str
 label: str
 version_schema: str
class Service(NamedTuple):
 name: str
 path: str
 python: tuple[str, ...]
 schema: str
 database: str
 url_env: str
 config: str
 version_table: str
 version_table_schema: str
 extension_schemas: tuple[str, ...] = ()
 skip_env: bool = False
 @property
 def per_tenant(self):
  return "{tenant}" in self.schema
 def target(self, tenant):
  spelt = (tenant or "").replace("-", "_")
  schema = self.schema.replace("{tenant}", spelt)
  version_schema = self.version_table_schema.replace("{tenant}", spelt)
  return Target(tenant, schema, schema if self.per_tenant else self.name, version_schema)
class Policy(NamedTuple):
 parallelism: int = 1
 canary: tuple[str, ...] = ()
 max_failed_tenants: int | None = 0
 lock_retries: int = 0
 verify: str = "version"
 max_downgrade: int | None = 0
class Plan(NamedTuple):
 platform: str
 environment: str
 tenants: tuple[str, ...]
 tenants_env: str
 create_databases: bool
 lock_timeout_ms: int
 statement_timeout_ms: int
 policy: Policy
 services: tuple[Service, ...]
 data: bytes
 @property
 def digest(self):
  return _digest(self.data)
 def targets(self, service, tenants = ()):
  if not service.per_tenant:
   return () if tenants else (service.target(None),)
  return tuple(service.target(tenant) for tenant in self.tenants if not tenants or tenant in tenants)
@cache
def _digest(data):
 import hashlib
 return hashlib.sha256(data).hexdigest()
def load(path):
 try:
  data = path.read_bytes()
  document = json.loads(data.decode("utf-8"), object_pairs_hook=_no_key_twice)
  return _plan(document, data)
 except OSError as error:
  reason, way_out = f"cannot read the plan {path}: {error.strerror}", "name it with --plan"
 except _PlanError as error:
  reason, way_out = f"{path}: {error}", TOGETHER
 except (ValueError, RecursionError) as error:
  reason, way_out = f"{path} is not a plan: {error}", "compile it again with gen"
 raise RunError("usage", reason, way_out)
class _PlanError(Exception):
 pass
def _refuse(where, why):
 raise _PlanError(f"{where}: {why}")
def _no_key_twice(pairs):
 keys = [key for key, _ in pairs]
 for key in keys:
  if keys.count(key) > 1:
   raise ValueError(f"the key {key!r} is there twice")
 return dict(pairs)
def _plan(document, data):
 if isinstance(document, dict) and document.get("version") != VERSION:
  _refuse("version", f"this runner reads version {VERSION}, not {document.get('version')!r}")
 keys = _keys("plan", document, _PLAN)
 session = keys.pop("session")
 del keys["version"]
 plan = Plan(**keys, **session, data=data)
 for tenant in sorted({*plan.policy.canary} - {*plan.tenants}):
  _refuse("policy.canary", f"{tenant} is not a tenant of this plan")
 _check_names(plan)
 return plan
def _service(where, item):
 keys = _keys(where, item, _SERVICE, ("version_table_schema", "extension_schemas", "skip_env"))
 service = Service(**{"version_table_schema": keys["schema"], **keys})
 if service.per_tenant != ("{tenant}" in service.version_table_schema):
  needs = "needs {tenant}, or all tenants would share one version"
  has = "has {tenant}, but the service has one schema for all"
  _refuse(f"{where}.version_table_schema", needs if service.per_tenant else has)
 return service
def _check_names(plan):
 names, free = [service.name for service in plan.services], re.compile(FREE).match
 for service in plan.services:
  if names.count(service.name) > 1:
   _refuse("services", f"{service.name} is there twice")
  owners = {}
  for target in plan.targets(service):
   schema, tenant = target.schema, target.tenant
   if max(len(schema), len(target.version_schema)) > IDENTIFIER_BYTES:
    _refuse(service.name, f"schema {schema} is longer than {IDENTIFIER_BYTES} bytes")
   for name in (schema, target.version_schema):
    if not free(name):
     _refuse(service.name, f"schema {name} belongs to PostgreSQL or this runner")
   if tenant and schema == "public":
    _refuse(service.name, f"tenant {tenant} would own the schema public")
   if owners.setdefault(schema, tenant) != tenant:
    _refuse(service.name, f"tenants {owners[schema]} and {tenant} share schema {schema}")
_Check = Callable[[str, Any], Any]
def _keys(
 where, value, checks, optional = ()
):
 if not isinstance(value, dict):
  _refuse(where, "must be an object")
 for key in value:
  if key not in checks:
   _refuse(where, f"unknown key {key!r}; known: {', '.join(sorted(checks))}")
 for key in checks:
  if key not in value and key not in optional:
   _refuse(where, f"the key {key!r} is missing")
 return {key: check(f"{where}.{key}", value[key]) for key, check in checks.items() if key in value}
def _text(pattern):
 compiled = re.compile(pattern)
 def check(where, value):
  if not isinstance(value, str) or compiled.fullmatch(value) is None:
   _refuse(where, f"{value!r} is not allowed here (pattern {pattern})")
  return value
 return check
def _count(least, most, unit = ""):
 def check(where, value):
  if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
   _refuse(where, f"{value!r} is not a number{unit} from {least} to {most}")
  return value
 return check
def _or_null(item):
 return lambda where, value: None if value is None else item(where, value)
def _flag(where, value):
 if not isinstance(value, bool):
  _refuse(where, "must be true or false")
 return value
def _list(item, least, most, once = False):
 def check(where, value):
  if not isinstance(value, list) or not least <= len(value) <= most:
   _refuse(where, f"must be a list of {least} to {most} items")
  items = tuple(item(f"{where}[{index}]", each) for index, each in enumerate(value))
  if once and len(set(items)) < len(items):
   _refuse(where, "an item is there twice")
  return items
 return check
_MILLISECONDS = _count(0, 2_147_483_647, " of milliseconds")
_SESSION = {"lock_timeout_ms": _MILLISECONDS, "statement_timeout_ms": _MILLISECONDS}
_POLICY = {
 "parallelism": _count(1, 64),
 "canary": _list(_text(TENANT), 0, 20_000, once=True),
 "max_failed_tenants": _or_null(_count(0, 20_000)),
 "lock_retries": _count(0, 100),
 "verify": _text("version|drift"),
 "max_downgrade": _or_null(_count(0, 10_000)),
}
_PLAN = {
 "version": _count(VERSION, VERSION),
 "platform": _text(LABEL),
 "environment": _text(LABEL),
 "tenants": _list(_text(TENANT), 1, 20_000, once=True),
 "tenants_env": _text(VARIABLE),
 "create_databases": _flag,
 "session": lambda where, value: _keys(where, value, _SESSION),
 "policy": lambda where, value: Policy(**_keys(where, value, _POLICY)),
 "services": _list(_service, 0, 500),
}
_SERVICE = {
 "name": _text(LABEL),
 "path": _text(PATH),
 "python": _list(_text(WORD), 1, 32),
 "schema": _text(SCHEMA),
 "database": _text(DATABASE),
 "url_env": _text(VARIABLE),
 "config": _text(PATH),
 "version_table": _text(TABLE),
 "version_table_schema": _text(SCHEMA),
 "extension_schemas": _list(_text(PLAIN_SCHEMA), 0, 20, once=True),
 "skip_env": _flag,
}
