"""One head after the other, with nothing but one-head attention."""

from max.experimental import functional as F
from max.experimental import nn
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config
from solutions.solution_08 import attention


class MultiHeadAttention(nn.Module):
    """Attention with n_head heads, each on its own D = n_embd / n_head numbers of a token.

    Vaswani et al. 2017, section 3.2.2. The names are those of OpenAI's checkpoint.

    Attributes:
        c_attn: makes queries, keys and values, in this order, from a token: C -> 3C.
        c_proj: mixes what the heads found: C -> C.
    """

    def __init__(self, config: GPT2Config):
        """Make `c_attn` and `c_proj`, both MAX's linear layer, and keep config.n_head."""
        self.n_head = config.n_head
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens of each text exchange what they know, forwards only.

        Args:
            x: a vector for each token, [B, T, C].

        Returns:
            What attention found for each token, [B, T, C].
        """
        C = x.shape[-1]
        qkv = self.c_attn(x)  # [B, T, C] -> [B, T, 3C]
        D = int(C) // self.n_head
        q, k, v = (F.split(part, D, axis=-1) for part in F.split(qkv, [C, C, C], axis=-1))
        heads = [attention(*head) for head in zip(q, k, v, strict=True)]  # H times [B, T, D]
        merged = F.concat(heads, axis=-1)  # [B, T, C]
        return self.c_proj(merged)  # [B, T, C] -> [B, T, C]
