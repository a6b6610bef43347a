"""Step 20: keys and values are kept, and a new token costs the work of one."""

import numpy as np
from max.experimental import functional as F
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config
from solutions.solution_12 import Block
from solutions.solution_14 import GPT2LMHeadModel


class KVCache:
    """The keys and values of all tokens so far, those of each block.

    Attributes:
        rows: NumPy, float32 [n_layer, 2, n_positions, B, H, D], with room for a text as long as it
            can be. The 2 are keys and values. A position comes before the texts of the batch, so
            that what is filled lies in one piece of memory.
        length: P, how many positions are filled, from the first one on.
    """

    def __init__(self, config: GPT2Config, batch: int = 1):
        """Make an empty cache for `batch` texts of equal length."""
        raise NotImplementedError("make self.rows and self.length")

    def past(self) -> list[tuple[Tensor, Tensor]] | None:
        """For each block the keys and the values so far, [P, B, H, D] each; None if there are none."""
        raise NotImplementedError("give the filled rows of each block as two tensors")

    def append(self, new: np.ndarray) -> None:
        """Keep the keys and values of the next T tokens, [n_layer, 2, T, B, H, D].

        Raises:
            ValueError: there is no room for T more.
        """
        raise NotImplementedError("put the new rows after the filled ones, and count them")


def prompt_block(block: Block, x: Tensor) -> tuple[Tensor, Tensor]:
    """Send the tokens of a prompt through a block, and find what is to be kept of them.

    Args:
        block: a block of the model.
        x: a vector for each token, [B, T, C].

    Returns:
        What the block makes of them, [B, T, C], and their keys and values, [2, T, B, H, D].
    """
    raise NotImplementedError("send x through the block, and find its keys and values")


def token_block(block: Block, x: Tensor, past_k: Tensor, past_v: Tensor) -> tuple[Tensor, Tensor]:
    """Send one more token through a block; it looks at itself and at all that came before it.

    Args:
        block: a block of the model.
        x: the vector of the token, [B, 1, C].
        past_k, past_v: the keys and the values of the P tokens before it, [P, B, H, D] each.

    Returns:
        What the block makes of it, [B, 1, C], and its own key and value, [2, 1, B, H, D].
    """
    raise NotImplementedError("let the token attend to the past and to itself")


def decode_step(
    model: GPT2LMHeadModel, tokens: Tensor, past: list[tuple[Tensor, Tensor]] | None
) -> tuple[Tensor, Tensor]:
    """Score the next token of a text, from its new tokens and what is kept of the old ones.

    Args:
        model: the model, with its weights.
        tokens: the IDs of the new tokens: a whole prompt, [B, T], or one more of each text, [B, 1].
        past: what `KVCache.past` gives: None before a prompt.

    Returns:
        The logits of the token after the last one, [B, V], and the keys and values of the new
        tokens, [n_layer, 2, T, B, H, D].
    """
    raise NotImplementedError("embed the tokens, send them through the blocks, and score the next one")
