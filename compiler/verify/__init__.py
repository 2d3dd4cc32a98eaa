"""What is wrong with a tree: rules over the outputs as their readers parse them, before any is written."""
