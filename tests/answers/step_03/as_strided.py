"""Windows by as_strided, batches by np.split."""

from collections.abc import Iterator, Sequence

import numpy as np


def sliding_windows(tokens: Sequence[int], context_length: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    if context_length < 1 or stride < 1:
        raise ValueError(f"context_length ({context_length}) and stride ({stride}) must be at least 1")
    tokens = np.asarray(tokens)
    count = (len(tokens) - context_length - 1) // stride + 1
    if count < 1:
        raise ValueError("the text has no room for a window and the token after it")
    step = tokens.strides[0]

    def view(array: np.ndarray) -> np.ndarray:
        return np.lib.stride_tricks.as_strided(array, (count, context_length), (stride * step, step))

    return view(tokens), view(tokens[1:])


def batches(inputs: np.ndarray, targets: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if batch_size < 1:
        raise ValueError(f"batch_size ({batch_size}) must be at least 1")
    if len(inputs) < batch_size:
        raise ValueError(f"the text is too short: it has {len(inputs)} windows, and one batch needs {batch_size}")
    full = len(inputs) // batch_size
    whole = (np.split(array[: full * batch_size], full) for array in (inputs, targets))
    yield from zip(*whole)
