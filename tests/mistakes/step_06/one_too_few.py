"""T - 1 positions. For 2 tokens that is one, added to both: no error, and still wrong.

Diagnosis: There is a position too few: T - 1 of them.
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

    def forward(self, tokens: Tensor) -> Tensor:
        """Add to the embedding of each token that of its position: 0 for the first, 1 for the next.

        Args:
            tokens: token IDs, [B, T], with T at most n_positions.

        Returns:
            The input embeddings, [B, T, n_embd].
        """
        T = int(tokens.shape[1])
        positions = Tensor.arange(0, T - 1, dtype=tokens.dtype)  # [T]
        return self.wte(tokens) + self.wpe(positions)  # [B, T, C] + [T, C] -> [B, T, C]
