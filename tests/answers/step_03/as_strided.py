"""Windows by as_strided, batches by np.split."""

from collections.abc import Iterator, Sequence

import numpy as np


def sliding_windows(tokens: Sequence[int], context_length: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a text into windows of `context_length` tokens that start `stride` tokens apart.

    Args:
        tokens: the token IDs of the whole text, [N].
        context_length: T, the length of a window.
        stride: from the start of one window to the start of the next.

    Returns:
        inputs and targets, both [windows, T]. A target is the token that comes right after its
        input, so the targets are the inputs moved on by one. Both are views of `tokens` where that
        is an array: nothing is copied.

    Raises:
        ValueError: a size is not positive, or the text is too short for one window and the token
            after it.
    """
    if context_length < 1 or stride < 1:
        raise ValueError(f"context_length ({context_length}) and stride ({stride}) must be at least 1")
    tokens = np.asarray(tokens)
    count = (len(tokens) - context_length - 1) // stride + 1
    if count < 1:
        raise ValueError("the text has no room for a window and the token after it")
    step = tokens.strides[0]

    def view(array: np.ndarray) -> np.ndarray:
        """Windows that begin at the start of `array`."""
        return np.lib.stride_tricks.as_strided(array, (count, context_length), (stride * step, step))

    return view(tokens), view(tokens[1:])


def batches(inputs: np.ndarray, targets: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the windows in order, `batch_size` at a time.

    Args:
        inputs, targets: as `sliding_windows` gives them, [windows, T].
        batch_size: B, how many windows a batch has. Windows at the end that do not fill a batch are
            left out.

    Yields:
        A batch of inputs and the batch of its targets, both [B, T] and views again.

    Raises:
        ValueError: batch_size is not positive, or there are too few windows for one batch.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size ({batch_size}) must be at least 1")
    if len(inputs) < batch_size:
        raise ValueError(f"the text is too short: it has {len(inputs)} windows, and one batch needs {batch_size}")
    full = len(inputs) // batch_size
    whole = (np.split(array[: full * batch_size], full) for array in (inputs, targets))
    yield from zip(*whole)
