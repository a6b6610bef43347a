"""Step 10: layer normalisation."""

from max.experimental import functional as F
from max.experimental import nn
from max.experimental.tensor import Tensor


class LayerNorm(nn.Module):
    """Bring the numbers of each token to mean 0 and variance 1, then scale and shift them.

    (x - mean) / √(variance + epsilon) * weight + bias (Ba et al. 2016). Mean and variance are those
    of the token's own C numbers; the variance divides by C, not by C - 1.

    Attributes:
        weight: the scale, [C], ones at first.
        bias: the shift, [C], zeros at first.
    """

    def __init__(self, n_embd: int, epsilon: float):
        """Make `weight` and `bias` for vectors of n_embd numbers, and keep epsilon."""
        raise NotImplementedError("make self.weight and self.bias, and keep epsilon")

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis.

        Args:
            x: [..., C].

        Returns:
            The normalised vectors, scaled and shifted, [..., C].
        """
        raise NotImplementedError("normalise each vector, then scale and shift it")
