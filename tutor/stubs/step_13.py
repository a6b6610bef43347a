"""Step 13: the whole body of GPT-2."""

from max.experimental import nn
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config
from solutions.solution_10 import LayerNorm
from solutions.solution_12 import Block


class GPT2Model(nn.Module):
    """GPT-2 without its head: embeddings, n_layer blocks one after the other, and a last norm.

    Attributes:
        wte: token embeddings, weight [vocab_size, n_embd].
        wpe: position embeddings, weight [n_positions, n_embd].
        h: the blocks; the parameters of the first are called h.0.ln_1.weight and so on.
        ln_f: the norm after the last block.
    """

    def __init__(self, config: GPT2Config):
        """Make `wte`, `wpe`, config.n_layer blocks in `h`, and `ln_f`."""
        raise NotImplementedError("make self.wte, self.wpe, self.h and self.ln_f")

    def forward(self, tokens: Tensor) -> Tensor:
        """Turn each token into a vector that knows what came before it.

        Args:
            tokens: token IDs, [B, T], with T at most n_positions.

        Returns:
            A vector for each token, [B, T, C].
        """
        raise NotImplementedError("embed the tokens, send them through the blocks, and normalise")
