"""A bias left out by hand.

Diagnosis: c_fc's bias is not added
"""

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
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        """Work on each token by itself.

        Args:
            x: a vector for each token, [B, T, C].

        Returns:
            Another vector for each token, [B, T, C].
        """
        wide = x @ self.c_fc.weight.T  # [B, T, C] -> [B, T, 4C]
        return self.c_proj(F.gelu(wide, approximate="tanh"))  # [B, T, 4C] -> [B, T, C]
