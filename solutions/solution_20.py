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
        D = config.n_embd // config.n_head
        shape = config.n_layer, 2, config.n_positions, batch, config.n_head, D
        self.rows = np.zeros(shape, np.float32)
        self.length = 0

    def past(self) -> list[tuple[Tensor, Tensor]] | None:
        """For each block the keys and the values so far, [P, B, H, D] each; None if there are none."""
        if self.length == 0:
            return None
        filled = self.rows[:, :, : self.length]
        return [(Tensor.from_dlpack(k), Tensor.from_dlpack(v)) for k, v in filled]

    def append(self, new: np.ndarray) -> None:
        """Keep the keys and values of the next T tokens, [n_layer, 2, T, B, H, D].

        Raises:
            ValueError: there is no room for T more.
        """
        end = self.length + new.shape[2]
        if end > self.rows.shape[2]:
            raise ValueError(f"{end} tokens do not fit into a cache for {self.rows.shape[2]}")
        self.rows[:, :, self.length : end] = new
        self.length = end


def prompt_block(block: Block, x: Tensor) -> tuple[Tensor, Tensor]:
    """Send the tokens of a prompt through a block, and find what is to be kept of them.

    Args:
        block: a block of the model.
        x: a vector for each token, [B, T, C].

    Returns:
        What the block makes of them, [B, T, C], and their keys and values, [2, T, B, H, D].
    """
    B, T, C = x.shape
    _, k, v = F.split(block.attn.c_attn(block.ln_1(x)), [C, C, C], axis=-1)  # as attention does
    kv = F.stack([k, v]).reshape([2, B, T, block.attn.n_head, -1])  # [2, B, T, C] -> [2, B, T, H, D]
    return block(x), kv.transpose(1, 2)  # -> [2, T, B, H, D]


def token_block(block: Block, x: Tensor, past_k: Tensor, past_v: Tensor) -> tuple[Tensor, Tensor]:
    """Send one more token through a block; it looks at itself and at all that came before it.

    Args:
        block: a block of the model.
        x: the vector of the token, [B, 1, C].
        past_k, past_v: the keys and the values of the P tokens before it, [P, B, H, D] each.

    Returns:
        What the block makes of it, [B, 1, C], and its own key and value, [2, 1, B, H, D].
    """
    B, _, C = x.shape
    P, _, H, D = past_k.shape
    qkv = F.split(block.attn.c_attn(block.ln_1(x)), [C, C, C], axis=-1)  # each [B, 1, C]
    q, k, v = (part.reshape([1, B, H, D]) for part in qkv)  # [B, 1, C] -> [1, B, H, D]
    scores = F.concat([F.sum(q * past_k, axis=-1), F.sum(q * k, axis=-1)])  # [P + 1, B, H, 1]
    weights = F.softmax(scores / int(D) ** 0.5, axis=0)  # over the positions: no mask is needed
    heads = F.sum(weights[:P] * past_v, axis=0) + weights[P:] * v  # [1, B, H, D]
    x = x + block.attn.c_proj(heads.reshape([B, 1, C]))
    return x + block.mlp(block.ln_2(x)), F.stack([k, v])


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
    body, T = model.transformer, tokens.shape[1]
    P = 0 if past is None else past[0][0].shape[0]
    positions = Tensor.arange(P, P + T, out_dim=T, dtype=tokens.dtype)  # [T]
    x = body.wte(tokens) + body.wpe(positions)  # [B, T, C] + [T, C] -> [B, T, C]
    new = []
    for i, block in enumerate(body.h):
        x, kv = prompt_block(block, x) if past is None else token_block(block, x, *past[i])
        new.append(kv)
    last = body.ln_f(x[:, -1])  # [B, T, C] -> [B, C]
    logits = (body.wte.weight @ last.T).T  # [V, C] @ [C, B]: no copy of wte is made
    return logits, F.stack(new)
