"""The sinusoids of the first Transformer.

Diagnosis: Those are the sinusoids of the first Transformer
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
        T = tokens.shape[1]
        import numpy as np

        n, C = int(T), int(self.wte.dim)
        angle = np.arange(n)[:, None] / 10000 ** (np.arange(0, C, 2) / C)
        waves = np.stack([np.sin(angle), np.cos(angle)], -1).reshape(n, C).astype(np.float32)
        return self.wte(tokens) + Tensor(waves)
