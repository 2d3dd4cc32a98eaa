"""One module for each program that reads the outputs: what it is shown, and what it says, as findings."""
