"""What was compiled, judged by the programs that will read it, with each finding at the line of the spec behind it."""
