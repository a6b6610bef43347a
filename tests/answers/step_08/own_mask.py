"""A mask of one's own, put in place of scores."""

from max.dtype import DType
from max.experimental import functional as F
from max.experimental.tensor import Tensor


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
    scores = q @ k.transpose(-1, -2) / int(D) ** 0.5  # [..., T, D] @ [..., D, T] -> [..., T, T]
    i = Tensor.arange(T, dtype=DType.int64)  # [T]
    seen = F.unsqueeze(i, 1) >= i  # [T, 1] >= [T] -> [T, T]
    weights = F.softmax(F.where(seen, scores, Tensor(-1e10)))  # [..., T, T]
    return weights @ v  # [..., T, T] @ [..., T, D] -> [..., T, D]
