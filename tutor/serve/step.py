"""One step of serving, by the pieces of step 21: the next token's logits of each request that takes part."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from max.driver import CPU
from max.dtype import DType
from max.experimental import nn
from max.experimental.tensor import Tensor
from max.graph import TensorType

from solutions.solution_01 import GPT2Config
from solutions.solution_21 import Caches, batch_step, pad, past_mask, places


class Step(nn.Module):
    """`batch_step` as a module, as MAX wants it to compile: what is past comes as one tensor after the other."""

    def __init__(self, model: nn.Module):
        self.config, self.transformer = model.config, model.transformer

    def forward(
        self, tokens: Tensor, positions: Tensor, last: Tensor, mask: Tensor, *past: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The logits and the new keys and values; see step 21."""
        return batch_step(self, tokens, positions, last, mask, list(zip(past[::2], past[1::2], strict=True)))


def input_types(config: GPT2Config) -> list[TensorType]:
    """What a Step takes, for batches, texts and pasts of all sizes."""
    whole, real, D = DType.int64, DType.float32, config.n_embd // config.n_head
    shapes = [(whole, ["B", "T"]), (whole, ["B", "T"]), (whole, ["B"]), (real, ["B", 1, 1, "P"])]
    shapes += [(real, ["B", config.n_head, "P", D])] * (2 * config.n_layer)
    return [TensorType(dtype, shape, device=CPU()) for dtype, shape in shapes]


def next_logits(
    step: Callable, caches: Caches, requests: Sequence[Hashable], texts: Sequence[Sequence[int]]
) -> np.ndarray:
    """The logits of the token after each text, [B, V]; their keys and values are kept.

    Args:
        step: a Step, compiled or not.
        caches: what is kept of all requests.
        requests: the names of those that take part.
        texts: the new tokens of each.
    """
    tokens, counts = pad(texts)
    past, lengths = caches.past(requests)
    positions, last = places(counts, lengths)
    arrays = [Tensor.from_dlpack(array) for array in (tokens, positions, last, past_mask(lengths))]
    logits, new = step(*arrays, *(tensor for pair in past for tensor in pair))
    caches.append(requests, new.to_numpy(), counts)
    return np.ascontiguousarray(logits.to_numpy())
