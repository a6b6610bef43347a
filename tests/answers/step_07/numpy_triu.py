"""Made in NumPy."""

import numpy as np
from max.experimental.tensor import Tensor


def causal_mask(length: int) -> Tensor:
    """Make what is added to attention scores so that no token looks at a later one.

    Softmax turns a score of -inf into a weight of exactly 0 (Vaswani et al. 2017, section 3.2.3).

    Args:
        length: T, how many tokens there are.

    Returns:
        The mask, [T, T]. Row i is for the token at position i, which asks; column j is for the one
        at position j, which it looks at. 0 where j <= i, -inf where j > i.
    """
    T = int(length)
    return Tensor(np.triu(np.full((T, T), -np.inf, np.float32), 1))  # [T, T]
