"""Documents of all tenants in one schema, told apart by a column."""
