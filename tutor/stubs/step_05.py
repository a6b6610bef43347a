"""Step 05: token embeddings."""

from max.experimental import nn
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config


class Embedding(nn.Module):
    """The table of token embeddings: one row of n_embd numbers for each token of the vocabulary.

    Attributes:
        wte: MAX's embedding layer; its weight is [vocab_size, n_embd]. The name is the one in
            OpenAI's checkpoint, for word token embeddings.
    """

    def __init__(self, config: GPT2Config):
        """Make `wte` with config.vocab_size rows of config.n_embd numbers."""
        raise NotImplementedError("make self.wte, MAX's embedding layer of the right size")

    def forward(self, tokens: Tensor) -> Tensor:
        """Look up the row of each token.

        Args:
            tokens: token IDs, whole numbers from 0 to vocab_size - 1, [B, T].

        Returns:
            The embeddings, [B, T, n_embd].

        Raises:
            TypeError: the IDs are of a float type. MAX's own error will do as well.
        """
        raise NotImplementedError("look the token IDs up in self.wte")
