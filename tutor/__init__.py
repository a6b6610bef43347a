"""The course's own tools: checks, verdicts, hints, progress, kernels, and the makers of references."""

import os

# A KV cache takes memory as it fills: from pages of 2 MB, for which NumPy asks, one token of GPT-2 124M takes all of its 75 MB.
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
