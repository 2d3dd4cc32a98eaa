"""How it is spelt: a Plan into output files with the origin of every span."""
