"""Step 21: many texts in one batch, each with its own length, its own positions and its own past."""

from collections.abc import Hashable, Sequence

import numpy as np
from max.experimental import functional as F
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config
from solutions.solution_07 import causal_mask
from solutions.solution_12 import Block
from solutions.solution_14 import GPT2LMHeadModel
from solutions.solution_20 import KVCache


def pad(texts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Make one array of texts of different lengths: zeros follow the shorter ones.

    Args:
        texts: the new tokens of each text, at least one of each.

    Returns:
        The tokens, int64 [B, T] with the T of the longest; and how many of them are a text's own,
        int64 [B].
    """
    raise NotImplementedError("make `tokens` of zeros, put each text at the beginning of its row, and count")


def places(counts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find where the new tokens of each text stand: in the text, and in the batch.

    Args:
        counts: how many new tokens each text has, int64 [B].
        lengths: how many tokens came before them, int64 [B].

    Returns:
        The position of each token in its own text, int64 [B, T]; 0 for padding, which has none. And
        the row of each text's own last token, int64 [B], where B and T are one axis: [B, T] -> [B·T].
    """
    raise NotImplementedError("let each text's positions go on from its length, and find its own last row")


def past_mask(lengths: np.ndarray) -> np.ndarray:
    """Make what is added to the scores of the past, so that no token looks at padding.

    Args:
        lengths: how many tokens of the past each text has, int64 [B].

    Returns:
        0 where a text has a token and -inf where it has none, float32 [B, 1, 1, P], with the P of
        the longest, and at least 1.
    """
    raise NotImplementedError("give 0 where a text has a token of the past, and -inf where it has padding")


class Caches:
    """The keys and values of all requests that are being answered, each request's in a KVCache of its own.

    Attributes:
        of: the cache of each request, by the request's name.
    """

    def __init__(self, config: GPT2Config):
        """Keep `config`, and begin without a request."""
        raise NotImplementedError("keep `config`, and make `of`")

    def past(self, requests: Sequence[Hashable]) -> tuple[list[tuple[Tensor, Tensor]], np.ndarray]:
        """What is kept of the requests that take part in a step. A request that is new gets an empty cache.

        Args:
            requests: their names, in the order of the batch.

        Returns:
            For each block the keys and the values, [B, H, P, D] each, with the P of the longest and at
            least 1; zeros follow the shorter ones. And the length of each, int64 [B].
        """
        raise NotImplementedError("put the rows of each request's cache side by side, padded to the longest")

    def append(self, requests: Sequence[Hashable], new: np.ndarray, counts: np.ndarray) -> None:
        """Keep what a step has made: for each request its own rows, and none of padding.

        Args:
            requests: their names, in the order of the batch.
            new: keys and values of the new tokens, [n_layer, 2, T, B, H, D].
            counts: how many of the T are a request's own, int64 [B].
        """
        raise NotImplementedError("give each request's cache its own rows of the new ones")

    def release(self, request: Hashable) -> None:
        """Forget a request that has ended; one that is not there is none too many."""
        raise NotImplementedError("take the request out of `of`")


def batch_block(block: Block, x: Tensor, past_k: Tensor, past_v: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Send the new tokens through a block; each looks at the past of its own text, and at what is new up to itself.

    Args:
        block: a block of the model.
        x: a vector for each new token, [B, T, C].
        past_k, past_v: the keys and the values of the past, [B, H, P, D] each.
        mask: what `past_mask` gives, [B, 1, 1, P].

    Returns:
        What the block makes of them, [B, T, C], and their keys and values, [2, T, B, H, D].
    """
    raise NotImplementedError("let the new tokens attend to their text's past and to each other")


def batch_step(
    model: GPT2LMHeadModel,
    tokens: Tensor,
    positions: Tensor,
    last: Tensor,
    mask: Tensor,
    past: list[tuple[Tensor, Tensor]],
) -> tuple[Tensor, Tensor]:
    """Score the next token of each text of a batch.

    Args:
        model: the model, with its weights.
        tokens: the IDs of the new tokens, padded, [B, T]: whole prompts, or one more token of each text.
        positions: where each stands in its own text, [B, T].
        last: the row of each text's last token, [B], where B and T are one axis.
        mask: what `past_mask` gives, [B, 1, 1, P].
        past: what `Caches.past` gives: keys and values for each block, [B, H, P, D].

    Returns:
        The logits of the token after each text's last one, [B, V], and the keys and values of the
        new tokens, [n_layer, 2, T, B, H, D].
    """
    raise NotImplementedError("embed, send the tokens through the blocks, and score each text's last one")
