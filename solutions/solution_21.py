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
    counts = np.array([len(text) for text in texts])
    tokens = np.zeros((len(texts), counts.max()), np.int64)
    for row, text in zip(tokens, texts):
        row[: len(text)] = text
    return tokens, counts


def places(counts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find where the new tokens of each text stand: in the text, and in the batch.

    Args:
        counts: how many new tokens each text has, int64 [B].
        lengths: how many tokens came before them, int64 [B].

    Returns:
        The position of each token in its own text, int64 [B, T]; 0 for padding, which has none. And
        the row of each text's own last token, int64 [B], where B and T are one axis: [B, T] -> [B·T].
    """
    steps = np.arange(counts.max())  # [T]
    positions = np.where(steps < counts[:, np.newaxis], lengths[:, np.newaxis] + steps, 0)  # [B, T]
    return positions, np.arange(len(counts)) * len(steps) + counts - 1


def past_mask(lengths: np.ndarray) -> np.ndarray:
    """Make what is added to the scores of the past, so that no token looks at padding.

    Args:
        lengths: how many tokens of the past each text has, int64 [B].

    Returns:
        0 where a text has a token and -inf where it has none, float32 [B, 1, 1, P], with the P of
        the longest, and at least 1.
    """
    tokens = np.arange(max(lengths.max(), 1))  # [P]
    return np.where(tokens < lengths.reshape(-1, 1, 1, 1), 0, -np.inf).astype(np.float32)


class Caches:
    """The keys and values of all requests that are being answered, each request's in a KVCache of its own.

    Attributes:
        of: the cache of each request, by the request's name.
    """

    def __init__(self, config: GPT2Config):
        """Keep `config`, and begin without a request."""
        self.config = config
        self.of: dict[Hashable, KVCache] = {}

    def past(self, requests: Sequence[Hashable]) -> tuple[list[tuple[Tensor, Tensor]], np.ndarray]:
        """What is kept of the requests that take part in a step. A request that is new gets an empty cache.

        Args:
            requests: their names, in the order of the batch.

        Returns:
            For each block the keys and the values, [B, H, P, D] each, with the P of the longest and at
            least 1; zeros follow the shorter ones. And the length of each, int64 [B].
        """
        caches = [self.of.setdefault(request, KVCache(self.config)) for request in requests]
        lengths = np.array([cache.length for cache in caches])
        n_layer, _, _, _, H, D = caches[0].rows.shape
        past = np.zeros((n_layer, 2, len(caches), H, max(lengths.max(), 1), D), np.float32)
        for b, cache in enumerate(caches):
            filled = cache.rows[:, :, : cache.length, 0]  # [n_layer, 2, P, H, D]
            past[:, :, b, :, : cache.length] = filled.swapaxes(2, 3)  # -> [n_layer, 2, H, P, D]
        return [(Tensor.from_dlpack(k), Tensor.from_dlpack(v)) for k, v in past], lengths

    def append(self, requests: Sequence[Hashable], new: np.ndarray, counts: np.ndarray) -> None:
        """Keep what a step has made: for each request its own rows, and none of padding.

        Args:
            requests: their names, in the order of the batch.
            new: keys and values of the new tokens, [n_layer, 2, T, B, H, D].
            counts: how many of the T are a request's own, int64 [B].
        """
        for b, (request, count) in enumerate(zip(requests, counts)):
            self.of[request].append(new[:, :, :count, b : b + 1])

    def release(self, request: Hashable) -> None:
        """Forget a request that has ended; one that is not there is none too many."""
        self.of.pop(request, None)


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
    B, T, C = x.shape
    _, H, P, D = past_k.shape
    qkv = F.split(block.attn.c_attn(block.ln_1(x)), [C, C, C], axis=-1)  # each [B, T, C]
    q, k, v = (part.reshape([B, T, H, D]).transpose(1, 2) for part in qkv)  # -> [B, H, T, D]
    q = q / int(D) ** 0.5
    past = q @ past_k.transpose(-1, -2) + mask  # [B, H, T, P] + [B, 1, 1, P]
    new = q @ k.transpose(-1, -2) + causal_mask(T)  # [B, H, T, T] + [T, T]
    weights = F.softmax(F.concat([past, new], axis=-1))  # [B, H, T, P + T]
    heads = weights[..., :P] @ past_v + weights[..., P:] @ v  # [B, H, T, D]
    x = x + block.attn.c_proj(heads.transpose(1, 2).reshape([B, T, C]))
    return x + block.mlp(block.ln_2(x)), F.stack([k, v]).permute([0, 3, 1, 2, 4])


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
    body = model.transformer
    x = body.wte(tokens) + body.wpe(positions)  # [B, T, C]
    new = []
    for block, (past_k, past_v) in zip(body.h, past):
        x, kv = batch_block(block, x, past_k, past_v, mask)
        new.append(kv)
    rows = x.reshape([-1, x.shape[-1]])  # [B, T, C] -> [B·T, C]
    x = body.ln_f(F.gather(rows, last, axis=0))  # [B, C]
    return (body.wte.weight @ x.T).T, F.stack(new)  # [V, C] @ [C, B] -> [V, B] -> [B, V]
