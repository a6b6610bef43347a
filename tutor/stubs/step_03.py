"""Step 03: a long text cut into inputs and the targets that a model learns to predict."""

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
    raise NotImplementedError("cut the text into windows and their targets")


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
    raise NotImplementedError("give the windows in batches")
