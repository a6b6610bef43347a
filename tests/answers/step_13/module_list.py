"""nn.ModuleList and a loop."""

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
        self.wte = nn.Embedding(config.vocab_size, dim=config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, dim=config.n_embd)
        self.h = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.ln_f = LayerNorm(config.n_embd, config.layer_norm_epsilon)

    def forward(self, tokens: Tensor) -> Tensor:
        """Turn each token into a vector that knows what came before it.

        Args:
            tokens: token IDs, [B, T], with T at most n_positions.

        Returns:
            A vector for each token, [B, T, C].
        """
        T = tokens.shape[1]
        positions = Tensor.arange(T, out_dim=T, dtype=tokens.dtype)  # [T]
        x = self.wte(tokens) + self.wpe(positions)  # [B, T, C] + [T, C] -> [B, T, C]
        for block in self.h:
            x = block(x)  # [B, T, C]
        return self.ln_f(x)  # [B, T, C]
