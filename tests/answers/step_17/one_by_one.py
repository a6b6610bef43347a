"""Operations one by one, a queue for the context."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from max.experimental.tensor import Tensor

from solutions.solution_14 import GPT2LMHeadModel


def greedy(logits: np.ndarray) -> int:
    """Choose the token with the highest logit; the first of them if several are highest.

    Args:
        logits: the scores of all tokens, [V].
    """
    return logits.tolist().index(max(logits.tolist()))


def generate(
    model: GPT2LMHeadModel,
    tokens: Sequence[int],
    max_new_tokens: int,
    choose: Callable[[np.ndarray], int] = greedy,
) -> Iterator[int]:
    """Go on with a text: score the next token, choose one, append it, and again.

    The model sees the last n_positions tokens at most; it has a row of `transformer.wpe` for each.

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
    if len(tokens) == 0:
        raise ValueError("nothing to go on from")
    positions = [int(size) for size in model.transformer.wpe.weight.shape][0]
    context = deque(tokens, maxlen=positions)
    while max_new_tokens > 0:
        logits = model(Tensor.from_dlpack(np.asarray(context, np.int64)[np.newaxis, :]))
        context.append(choose(np.from_dlpack(logits[0][-1])))
        yield context[-1]
        max_new_tokens -= 1
