"""Users of each tenant, one PostgreSQL schema per tenant."""
