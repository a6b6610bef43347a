"""Step 12: one block of the transformer."""

from max.experimental import nn
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config
from solutions.solution_09 import MultiHeadAttention
from solutions.solution_10 import LayerNorm
from solutions.solution_11 import MLP


class Block(nn.Module):
    """Attention, then the MLP; each reads a normalised copy of x and adds what it finds to x.

    The norm comes before each part, unlike in the first Transformer (Radford et al. 2019, section
    2.3).

    Attributes:
        ln_1: the norm before attention.
        attn: multi-head attention.
        ln_2: the norm before the MLP.
        mlp: the MLP.
    """

    def __init__(self, config: GPT2Config):
        """Make the four parts; both norms take n_embd and layer_norm_epsilon of the config."""
        raise NotImplementedError("make self.ln_1, self.attn, self.ln_2 and self.mlp")

    def forward(self, x: Tensor) -> Tensor:
        """Add to each token what attention finds, then what the MLP makes of that.

        Args:
            x: a vector for each token, [B, T, C].

        Returns:
            The same vectors with two terms added, [B, T, C].
        """
        raise NotImplementedError("add attention of the normalised x to x, then the MLP likewise")
