"""Plans that migrate something twice."""

from __future__ import annotations

from tests.verify.mutations.model import STAGING, Mutation

LOCAL = "out/local/plan.json"

MUTATIONS = (
    Mutation("plan-tenants", "a tenant twice", LOCAL, '"toshiba"', '"default"'),
    Mutation(
        "plan-schemas",
        "one schema for two services",
        LOCAL,
        '"schema": "workflow_{tenant}",\n      "database": "workflow_engine"',
        '"schema": "auth_{tenant}",\n      "database": "auth"',
    ),
    Mutation(
        "plan-schemas",
        "one schema for a tenant of one and for another",
        LOCAL,
        '"schema": "public",\n      "database": "elevaite_ingestion"',
        '"schema": "auth_toshiba",\n      "database": "auth"',
    ),
    Mutation("plan-size", "more than a cluster carries", STAGING + "plan.json", "{\n", "{\n" + " " * 70_000),
)
