"""The course's own tools: checks, verdicts, hints, progress, kernels, and the makers of references."""
