"""Step 11: the feed-forward part of a block."""

from max.experimental import functional as F
from max.experimental import nn
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config


class MLP(nn.Module):
    """Two linear layers with a GELU between them, the same for every token.

    GPT-2 uses the tanh form of GELU (Hendrycks & Gimpel 2016, section 2):
    0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).

    Attributes:
        c_fc: widens a token's vector: C -> 4C.
        c_proj: brings it back: 4C -> C.
    """

    def __init__(self, config: GPT2Config):
        """Make `c_fc` and `c_proj`, both MAX's linear layer."""
        raise NotImplementedError("make self.c_fc and self.c_proj")

    def forward(self, x: Tensor) -> Tensor:
        """Work on each token by itself.

        Args:
            x: a vector for each token, [B, T, C].

        Returns:
            Another vector for each token, [B, T, C].
        """
        raise NotImplementedError("widen x, apply GELU in its tanh form, and bring it back")
