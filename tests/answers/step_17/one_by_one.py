"""Operations one by one, a queue for the context."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from max.experimental.tensor import Tensor

from solutions.solution_14 import GPT2LMHeadModel


def greedy(logits: np.ndarray) -> int:
    return logits.tolist().index(max(logits.tolist()))


def generate(
    model: GPT2LMHeadModel,
    tokens: Sequence[int],
    max_new_tokens: int,
    choose: Callable[[np.ndarray], int] = greedy,
) -> Iterator[int]:
    if len(tokens) == 0:
        raise ValueError("nothing to go on from")
    positions = [int(size) for size in model.transformer.wpe.weight.shape][0]
    context = deque(tokens, maxlen=positions)
    while max_new_tokens > 0:
        logits = model(Tensor.from_dlpack(np.asarray(context, np.int64)[np.newaxis, :]))
        context.append(choose(np.from_dlpack(logits[0][-1])))
        yield context[-1]
        max_new_tokens -= 1
