"""Step 06: the model begins: what a token is, plus where it stands."""

from max.experimental import nn
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config


class GPT2Model(nn.Module):
    """GPT-2 up to its first block: the input embeddings.

    Attributes:
        wte: token embeddings, weight [vocab_size, n_embd]: what a token is.
        wpe: position embeddings, weight [n_positions, n_embd]: where it stands.
    """

    def __init__(self, config: GPT2Config):
        """Make `wte` and `wpe`, both MAX's embedding layer."""
        raise NotImplementedError("make self.wte and self.wpe")

    def forward(self, tokens: Tensor) -> Tensor:
        """Add to the embedding of each token that of its position: 0 for the first, 1 for the next.

        Args:
            tokens: token IDs, [B, T], with T at most n_positions.

        Returns:
            The input embeddings, [B, T, n_embd].
        """
        raise NotImplementedError("add the embeddings of tokens and positions")
