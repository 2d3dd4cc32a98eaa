"""What a team writes: YAML files into a checked Spec."""
