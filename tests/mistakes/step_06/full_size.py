"""The sizes of GPT-2, whatever the config says.

Diagnosis: `wte.weight` keeps a size of GPT-2 whatever the config says
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
        self.wte = nn.Embedding(50257, dim=768)
        self.wpe = nn.Embedding(1024, dim=768)

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
