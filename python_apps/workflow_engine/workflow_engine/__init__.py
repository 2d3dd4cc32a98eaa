"""Workflows of each tenant, one PostgreSQL schema per tenant, behind an API key."""
