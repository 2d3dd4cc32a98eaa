"""What the policy says by default, where that depends on the kind of the environment."""

from __future__ import annotations

from typing import Literal

SchemaRollback = Literal["forward-only", "downgrade"]


def parallelism(tier: str) -> int:
    """Return how many schemas of a service are migrated at once; on a laptop one after the other."""
    return 1 if tier == "local" else 4


# What a worker and each process that migrates a schema beside it were measured to take, 60 and 62 MiB, rounded up.
WORKER_MIB, HAND_MIB = 64, 64


def worker_memory(parallelism: int, schemas: int) -> int:
    """Return how many MiB a worker needs at least that migrates up to `parallelism` of its `schemas` at once."""
    return WORKER_MIB + HAND_MIB * min(parallelism, schemas)


def lock_retries(tier: str) -> int:
    """Return how often a migration that waited too long for a lock is tried again; on a laptop nobody holds one."""
    return 1 if tier == "local" else 10


def canary(tier: str, tenants: int) -> int:
    """Return how many of the first tenants of an environment with so many go before the others."""
    return 1 if tier == "production" and tenants > 1 else 0


def schema_rollback(tier: str) -> SchemaRollback:
    """Return whether a schema may be brought back to an older revision: on a laptop only."""
    return "downgrade" if tier == "local" else "forward-only"
