"""`*` in place of the product with the transposed keys.

Diagnosis: The matrix product is `@`: q @ k.transpose(-1, -2).
"""

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
    T, D = q.shape[-2:]
    scores = q * k / int(D) ** 0.5  # [..., T, D] @ [..., D, T] -> [..., T, T]
    weights = F.softmax(scores + causal_mask(T))  # [..., T, T], each row sums to 1
    return weights @ v  # [..., T, T] @ [..., T, D] -> [..., T, D]
