"""Tensors that are no parameters, kept as attributes.

Diagnosis: It also has `positions` and `second`: each tensor or layer that is kept
as an attribute becomes a parameter.
"""

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
        self.wte = nn.Embedding(config.vocab_size, dim=config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, dim=config.n_embd)
        self.positions = Tensor.arange(config.n_positions)
        self.second = Tensor.ones([1])

    def forward(self, tokens: Tensor) -> Tensor:
        """Add to the embedding of each token that of its position: 0 for the first, 1 for the next.

        Args:
            tokens: token IDs, [B, T], with T at most n_positions.

        Returns:
            The input embeddings, [B, T, n_embd].
        """
        T = tokens.shape[1]
        positions = Tensor.arange(T, out_dim=T, dtype=tokens.dtype)  # [T]
        return self.wte(tokens) + self.wpe(positions)  # [B, T, C] + [T, C] -> [B, T, C]
