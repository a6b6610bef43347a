"""A length that is written as a number.

Diagnosis: The mask is [8, 8] whatever the length.
"""

import numpy as np
from max.experimental import functional as F
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
    hidden = Tensor.full([8, 8], float("-inf"))  # [T, T]
    return F.band_part(hidden, num_upper=0, exclude=True)  # 0 on the diagonal and below it
