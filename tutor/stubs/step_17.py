"""Step 17: text, one token after the other."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from max.experimental import functional as F
from max.experimental.tensor import Tensor

from solutions.solution_14 import GPT2LMHeadModel


def greedy(logits: np.ndarray) -> int:
    """Choose the token with the highest logit; the first of them if several are highest.

    Args:
        logits: the scores of all tokens, [V].
    """
    raise NotImplementedError("choose the token with the highest logit")


def generate(
    model: GPT2LMHeadModel,
    tokens: Sequence[int],
    max_new_tokens: int,
    choose: Callable[[np.ndarray], int] = greedy,
) -> Iterator[int]:
    """Go on with a text: score the next token, choose one, append it, and again.

    The model sees the last n_positions tokens at most; `model.config` says how many these are.

    Args:
        model: what gives logits [1, T, V] for tokens [1, T].
        tokens: the text to go on with, at least one token. The caller's own list stays as it is.
        max_new_tokens: how many tokens to make.
        choose: picks a token from the logits of the next one, a NumPy array [V].

    Yields:
        Each new token as soon as it is chosen.

    Raises:
        ValueError: there is no token to go on from.
    """
    raise NotImplementedError("score, choose, append, yield, and again")
