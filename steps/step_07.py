"""Step 07: no token sees the future."""

from max.experimental import functional as F
from max.experimental.tensor import Tensor
from max.graph import Dim


def causal_mask(length: int | Dim) -> Tensor:
    """Make what is added to attention scores so that no token looks at a later one.

    Softmax turns a score of -inf into a weight of exactly 0 (Vaswani et al. 2017, section 3.2.3).

    Args:
        length: T, how many tokens there are: a number, or a size of a tensor's shape.

    Returns:
        The mask, [T, T], float32. Row i is for the token at position i, which asks; column j is for
        the one at position j, which it looks at. 0 where j <= i, -inf where j > i.
    """
    raise NotImplementedError("make a [T, T] tensor: 0 where a token may look, -inf in the future")
