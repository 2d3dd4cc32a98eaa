"""A revision that works outside of its schema: found before it is committed, whatever it made, changed or wrote."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from .conftest import Platform

#: What others have, in the same database.
SETUP = """
CREATE TABLE public.shared (i int);
CREATE TABLE public.audit (at timestamptz);
CREATE TABLE public.countries (id int PRIMARY KEY);
ALTER TABLE accounts_unlinked.accounts ADD CONSTRAINT of FOREIGN KEY (id) REFERENCES public.countries;
ALTER TABLE accounts_cut.accounts ADD CONSTRAINT of FOREIGN KEY (id) REFERENCES public.countries;
CREATE SEQUENCE public.numbers;
CREATE FUNCTION public.known() RETURNS int RETURN 1;
CREATE PROCEDURE public.makes() LANGUAGE plpgsql AS 'BEGIN EXECUTE ''CREATE TYPE public.hidden AS (i int)''; END';
CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TYPE public.mood AS ENUM ('well');
CREATE SCHEMA sample CREATE TABLE things (i int)
"""
MADE = "it made or changed {}, outside of its schema accounts_{}"
WROTE = "it wrote rows of accounts_other.accounts, outside of its schema accounts_{}"
NAMES = "its autocommit block names {}, outside of its schema accounts_{}"
ENDED = "it ends its transaction by itself: use op.get_context().autocommit_block()"
BLOCK = "with op.get_context().autocommit_block():\n    op.execute({!r})"
#: Of each tenant what its revision does, and what is said of it: nothing where it is allowed.
CASES = {
    "table": ("CREATE TABLE public.mine (i int)", MADE, "public.mine"),
    "dropped": ("DROP TABLE public.shared", MADE, "public.shared"),
    "altered": ("ALTER TABLE sample.things ADD n int", MADE, "sample.things"),
    "indexed": ("CREATE INDEX there ON sample.things (i)", MADE, "sample.there"),
    "rows": ("UPDATE accounts_other.accounts SET email = ''", WROTE, ""),
    "function": ("CREATE FUNCTION public.f() RETURNS int RETURN 1", MADE, "function public.f"),
    "replaced": (
        "CREATE OR REPLACE FUNCTION public.known() RETURNS int RETURN 2",
        MADE,
        "function public.known",
    ),
    "gone": ("DROP FUNCTION public.known()", MADE, "function public.known"),
    "enum": ("CREATE TYPE public.colour AS ENUM ('red')", MADE, "type public.colour"),
    "lost": ("DROP TYPE public.mood", MADE, "type public.mood"),
    "space": ("CREATE SCHEMA elsewhere", MADE, "schema elsewhere"),
    "trigger": (
        "CREATE TRIGGER t BEFORE INSERT ON sample.things FOR EACH ROW EXECUTE FUNCTION public.nothing()",
        MADE,
        "trigger sample.t",
    ),
    "savepoint": ("SAVEPOINT s; CREATE DOMAIN public.d AS int; RELEASE s", MADE, "type public.d"),
    "called": ("CALL public.makes()", MADE, "public.hidden"),
    "default": ("ALTER TABLE public.shared ALTER i SET DEFAULT 1", MADE, "public.shared"),
    "unlinked": ("ALTER TABLE accounts DROP CONSTRAINT of", "", ""),
    "cut": (
        "ALTER TABLE accounts DROP CONSTRAINT of; ALTER TABLE public.countries ADD name text",
        MADE,
        "public.countries",
    ),
    "linked": ("ALTER TABLE accounts ADD FOREIGN KEY (id) REFERENCES public.countries", "", ""),
    "counted": ("INSERT INTO accounts (id) SELECT nextval('public.numbers')", "", ""),
    "noted": ("INSERT INTO public.audit VALUES (now())", "", ""),
    "read": ("CREATE TABLE seen AS SELECT * FROM sample.things", "", ""),
    "own": ("CREATE TYPE own AS ENUM ('a'); CREATE FUNCTION f() RETURNS int RETURN 1", "", ""),
    "temporary": ("CREATE TEMPORARY TABLE t (i int); DROP TABLE t", "", ""),
    "block-table": (BLOCK.format("CREATE TABLE public.later (i int)"), NAMES, "public"),
    "block-index": (
        BLOCK.format('CREATE INDEX CONCURRENTLY there ON "accounts_other".accounts (email)'),
        NAMES,
        "accounts_other",
    ),
    "block-rows": (BLOCK.format("SELECT 1; DELETE FROM accounts_other . accounts"), NAMES, "accounts_other"),
    "block-comment": (
        BLOCK.format("-- why\n/* and */ CREATE INDEX CONCURRENTLY there ON public.shared (i)"),
        NAMES,
        "public",
    ),
    "block-string": (
        BLOCK.format("INSERT INTO accounts (email) VALUES ('accounts_other.x; DROP TABLE a.b')"),
        "",
        "",
    ),
    "block-reset": (BLOCK.format("RESET search_path"), NAMES, "RESET search_path"),
    "block-after": (
        "op.execute('CREATE TABLE public.early (i int)')\n" + BLOCK.format("SELECT 1"),
        MADE,
        "public.early",
    ),
    "block-caught": (
        "try:\n    "
        + BLOCK.format("SELECT 1/0").replace("\n", "\n    ")
        + "\nexcept Exception:\n    pass\nop.execute('INSERT INTO public.audit VALUES (now())')",
        "",
        "",
    ),
    "commits": ("SELECT 1; COMMIT; CREATE TABLE half (i int)", ENDED, ""),
    "commits-by-python": (
        "op.get_bind().connection.commit()\nop.execute('CREATE TABLE half (i int)')",
        ENDED,
        "",
    ),
    "rolls-back-to": ("SAVEPOINT s; CREATE TABLE gone (i int); ROLLBACK TO s", "", ""),
    "block-own": (BLOCK.format("CREATE INDEX CONCURRENTLY own ON accounts (email)"), "", ""),
}


def commit(platform: Platform, over: threading.Event) -> None:
    """Be an application that writes all the time: no revision has the server for itself."""
    with psycopg.connect(
        platform.server.url(platform.service("accounts")["database"]), autocommit=True
    ) as session:
        while not over.wait(0.02):
            session.execute("SELECT txid_current()")


def test_what_a_revision_does_outside_of_its_schema(platform: Platform) -> None:
    """Each tenant's revision does one thing; who strays fails with its name, and nothing of it is left."""
    platform.only("accounts")
    platform.plan["tenants"] = ["other", *CASES]
    platform.policy(max_failed_tenants=None)
    assert platform.run("upgrade").code == 0
    for statement in SETUP.split(";\n"):
        platform.query("accounts", statement)
    before = platform.query("accounts", INVENTORY)
    bodies = {
        f"accounts_{tenant.replace('-', '_')}": body
        if body.startswith(("with ", "op.", "try:"))
        else f"op.execute({body!r})"
        for tenant, (body, _, _) in CASES.items()
    }
    body = (
        f"bodies = {bodies}\nname = op.get_context().dialect.default_schema_name\nexec(bodies.get(name, ''))"
    )
    platform.add("accounts", "a3", "a2", "stray", body)
    over = threading.Event()
    others = threading.Thread(target=commit, args=(platform, over))
    others.start()
    ended = platform.run("upgrade")
    over.set()
    others.join()
    failed = {
        schema: rest.partition(": ")[2]
        for schema, _, rest in (line[4:].partition(" ") for line in ended.lines if line.startswith("  ✗"))
    }
    expected = {
        f"accounts_{tenant.replace('-', '_')}": said.format(
            *([what] if what else []), tenant.replace("-", "_")
        )
        for tenant, (_, said, what) in CASES.items()
        if said
    }
    assert (ended.code, failed) == (1, expected), ended
    assert platform.query("accounts", INVENTORY) == before


#: Everything of the schemas that are not a tenant's own.
INVENTORY = """
SELECT n.nspname, 'r' || relname, relnatts::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname IN ('public', 'sample', 'accounts_other') UNION
SELECT n.nspname, 'f' || proname, prosrc FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
WHERE nspname IN ('public', 'sample', 'accounts_other') UNION
SELECT n.nspname, 't' || typname, '' FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace
WHERE nspname IN ('public', 'sample', 'accounts_other') UNION
SELECT nspname, 's', '' FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1, 2, 3
"""
