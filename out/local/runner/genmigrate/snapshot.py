"""Turns one schema into a description without its name, and two descriptions into differences."""
from __future__ import annotations
import json
import re
from typing import Any
from .codes import RunError
from .history import version_folders
VERSION = 1
MAKE = "make it from the migrations, on your machine, and commit it: gen migrate snapshot"
SHOWN = 80
SPELLING = {
 "TimeZone": "UTC",
 "DateStyle": "ISO, MDY",
 "IntervalStyle": "postgres",
 "bytea_output": "hex",
 "extra_float_digits": "1",
 "lc_monetary": "C",
 "quote_all_identifiers": "off",
}
OBJECTS = """
WITH here AS (SELECT oid FROM pg_namespace WHERE nspname = current_schema()),
theirs AS NOT MATERIALIZED (SELECT classid, objid FROM pg_depend WHERE deptype IN ('e', 'i') AND refobjid <> objid),
mine AS MATERIALIZED (SELECT c.* FROM pg_class c WHERE relnamespace = (TABLE here) AND relname <> %s
  AND NOT relispartition AND NOT EXISTS (SELECT FROM theirs WHERE classid = c.tableoid AND objid = c.oid)),
tables AS (SELECT *, 'table ' || relname AS key FROM mine WHERE relkind IN ('r', 'p', 'f'))
SELECT key, concat_ws(' ', CASE relkind WHEN 'f' THEN 'foreign' ELSE 'ordinary' END,
  CASE relpersistence WHEN 'u' THEN 'unlogged' END, 'partitioned by ' || pg_get_partkeydef(oid),
  CASE WHEN relrowsecurity THEN 'row security' END, CASE WHEN relforcerowsecurity THEN 'forced' END) FROM tables
UNION ALL SELECT key || ': column ' || attname, concat_ws(' ', format_type(atttypid, atttypmod),
  CASE WHEN attcollation <> typcollation THEN 'COLLATE ' || attcollation::regcollation END,
  CASE WHEN attnotnull THEN 'NOT NULL' END,
  CASE attidentity WHEN 'a' THEN 'IDENTITY ALWAYS' WHEN 'd' THEN 'IDENTITY BY DEFAULT' END,
  CASE attgenerated WHEN '' THEN 'DEFAULT ' ELSE concat('GENERATED ', attgenerated, ' ') END
  || pg_get_expr(adbin, adrelid))
  FROM tables JOIN pg_attribute ON attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
  JOIN pg_type ON pg_type.oid = atttypid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL SELECT key || ': constraint ' || conname, pg_get_constraintdef(k.oid)
  FROM tables JOIN pg_constraint k ON conrelid = tables.oid WHERE contype NOT IN ('n', 't') AND conparentid = 0
UNION ALL SELECT 'table ' || mine.relname || ': index ' || i.relname,
  pg_get_indexdef(i.oid) || CASE WHEN indisvalid THEN '' ELSE ' INVALID' END
  FROM mine JOIN pg_index ON indrelid = mine.oid JOIN pg_class i ON i.oid = indexrelid
  WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = indrelid AND conindid = indexrelid AND contype <> 'f')
UNION ALL SELECT 'table ' || relname || ': trigger ' || tgname,
  concat_ws(' ', pg_get_triggerdef(g.oid), nullif(tgenabled::text, 'O'))
  FROM mine JOIN pg_trigger g ON tgrelid = mine.oid WHERE NOT tgisinternal
UNION ALL SELECT key || ': policy ' || polname, concat_ws(' ', CASE WHEN NOT polpermissive THEN 'RESTRICTIVE' END,
  polcmd::text, 'USING ' || pg_get_expr(polqual, polrelid), 'CHECK ' || pg_get_expr(polwithcheck, polrelid))
  FROM tables JOIN pg_policy ON polrelid = tables.oid
UNION ALL SELECT CASE relkind WHEN 'v' THEN 'view ' ELSE 'materialized view ' END || relname,
  concat_ws(' ', array_to_string(reloptions, ' '), pg_get_viewdef(oid)) FROM mine WHERE relkind IN ('v', 'm')
UNION ALL SELECT 'sequence ' || relname, concat_ws(' ', format_type(seqtypid, NULL), 'START', seqstart, 'INCREMENT',
  seqincrement, 'FROM', seqmin, 'TO', seqmax, CASE WHEN seqcycle THEN 'CYCLE' END)
  FROM mine JOIN pg_sequence ON seqrelid = mine.oid
UNION ALL SELECT 'type ' || typname, CASE typtype
  WHEN 'e' THEN 'ENUM ' || (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
    FROM pg_enum WHERE enumtypid = t.oid)
  WHEN 'd' THEN concat_ws(' ', format_type(typbasetype, typtypmod), CASE WHEN typnotnull THEN 'NOT NULL' END,
    'DEFAULT ' || pg_get_expr(typdefaultbin, 0), (SELECT string_agg(pg_get_constraintdef(k.oid), ' ' ORDER BY conname)
    FROM pg_constraint k WHERE contypid = t.oid AND contype <> 'n'))
  WHEN 'c' THEN (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = typrelid AND NOT attisdropped) ELSE 'RANGE' END
  FROM pg_type t WHERE typnamespace = (TABLE here)
  AND NOT EXISTS (SELECT FROM theirs WHERE classid = t.tableoid AND objid = t.oid)
UNION ALL SELECT 'function ' || p.oid::regprocedure,
  CASE prokind WHEN 'a' THEN 'AGGREGATE' ELSE pg_get_functiondef(p.oid) END
  FROM pg_proc p WHERE pronamespace = (TABLE here)
  AND NOT EXISTS (SELECT FROM theirs WHERE classid = p.tableoid AND objid = p.oid)
"""
def describe(session, schema, version_table):
 session.rows("SELECT set_config('search_path', quote_ident(%s), false)", [schema])
 session.rows("; ".join(f"SET {setting} = '{value}'" for setting, value in SPELLING.items()))
 try:
  rows = session.rows(OBJECTS, [version_table])
 finally:
  session.rows("; ".join(f"RESET {setting}" for setting in ("search_path", *SPELLING)))
 name = re.escape(schema)
 qualifier = rf'(?<![\w$.])("?){name}\1(?=\.)'
 inside = rf"{qualifier}|(?<=[\"']){name}(?=[\"'])"
 return {
  key: re.sub(inside if key.startswith("function ") else qualifier, "{schema}", text)
  for key, text in sorted(rows)
 }
def compare(expected, actual):
 found = []
 for key in sorted({*expected, *actual}):
  owner = key.partition(": ")[0]
  want, have = expected.get(key), actual.get(key)
  if want == have or (owner != key and (owner in expected) != (owner in actual)):
   continue
  if want is None or have is None:
   found.append(f"{key} is {'missing' if have is None else 'not in the migrations'}")
  elif len(want) > SHOWN or len(have) > SHOWN or "\n" in want + have:
   found.append(f"{key} is defined otherwise than in the migrations")
  else:
   found.append(f"{key} is {have}, in the migrations {want}")
 return found
def place(folder, config):
 return version_folders(folder, config)[0][0].parent / "schema.json"
def load(file):
 reason = f"{file} is not a snapshot that this runner reads"
 try:
  document = json.loads(file.read_text(encoding="utf-8"))
  if document["version"] == VERSION and {"head", "server", "objects"} <= set(document):
   return document
 except OSError as error:
  reason = f"no snapshot of the schema in {file}: {error.strerror}"
 except (ValueError, LookupError, TypeError):
  pass
 raise RunError("usage", reason, MAKE)
