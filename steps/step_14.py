"""Step 14: from vectors to scores for the next token."""

from max.experimental import nn
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config
from solutions.solution_13 import GPT2Model


class GPT2LMHeadModel(nn.Module):
    """The whole GPT-2: its body, and a head that has no weights of its own.

    The head compares each vector with every row of the token embeddings, `wte`: the table that
    turns tokens into vectors also turns vectors into scores of tokens (Press & Wolf 2017).

    Attributes:
        config: the sizes that the model is made by.
        transformer: the body, GPT2Model.
    """

    def __init__(self, config: GPT2Config):
        """Keep `config`, and make `transformer`."""
        raise NotImplementedError("keep the config, and make self.transformer, the body of step 13")

    def forward(self, tokens: Tensor) -> Tensor:
        """Score every token of the vocabulary as the next one, at each position.

        Args:
            tokens: token IDs, [B, T], with T at most n_positions.

        Returns:
            The logits, scores before any softmax, [B, T, vocab_size].
        """
        raise NotImplementedError("multiply the vectors of the body with the token embeddings")
