"""The linters themselves: found, or built once from one locked Go module."""
