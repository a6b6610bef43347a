"""The last position taken in MAX, the text as an array."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from max.experimental import functional as F
from max.experimental.tensor import Tensor

from solutions.solution_14 import GPT2LMHeadModel


def greedy(logits: np.ndarray) -> int:
    return int(logits.argsort(kind="stable")[::-1][0] if len(set(logits)) == len(logits) else logits.argmax())


def generate(
    model: GPT2LMHeadModel,
    tokens: Sequence[int],
    max_new_tokens: int,
    choose: Callable[[np.ndarray], int] = greedy,
) -> Iterator[int]:
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
