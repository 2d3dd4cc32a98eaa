"""The compiler: one short YAML spec per environment into everything that ships and migrates it."""
