"""What is on disk: output files into a verified tree, compared, written, pruned."""
