"""Turns a major version and a port into a PostgreSQL server of this clone, without a container."""
