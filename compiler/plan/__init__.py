"""What will exist: a checked Spec into every name, default and order, decided once."""
