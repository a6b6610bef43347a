"""The last position taken in MAX, the text as an array."""

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
    return int(logits.argsort(kind="stable")[::-1][0] if len(set(logits)) == len(logits) else logits.argmax())


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
    text = np.array([tokens], dtype=np.int64)
    if text.size == 0:
        raise ValueError("nothing to go on from")
    limit = int(model.transformer.wpe.weight.shape[0])
    for _ in range(max_new_tokens):
        with F.lazy():
            last = model(Tensor(text[:, -limit:]))[:, -1, :]
        token = choose(last.to_numpy().reshape(-1))
        text = np.append(text, [[token]], axis=1)
        yield token
