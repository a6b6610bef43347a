"""Step 08: attention, one head of it."""

from max.experimental import functional as F
from max.experimental.tensor import Tensor

from solutions.solution_07 import causal_mask


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Let each token gather values from itself and the tokens before it.

    softmax(q kᵀ / √D + mask) v (Vaswani et al. 2017, section 3.2.1). The leading axes, such as the
    batch and later the heads, are independent of each other: any number of them will do.

    Args:
        q: queries, what each token looks for, [..., T, D].
        k: keys, what each token offers to be found by, [..., T, D].
        v: values, what each token passes on, [..., T, D].

    Returns:
        For each token the weighted mean of the values that it may look at, [..., T, D].
    """
    raise NotImplementedError("compute scores, mask them, take their softmax, and weigh v with it")
