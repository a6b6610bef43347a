"""One check, from the process that watches (parent) to the process that runs the learner's code (child)."""
