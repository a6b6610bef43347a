"""The sizes of GPT-2, whatever the config says.

Diagnosis: `c_attn.weight` keeps a size of GPT-2 whatever the config says
"""

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
        self.c_attn = nn.Linear(768, 2304)
        self.c_proj = nn.Linear(768, 768)

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens of each text exchange what they know, forwards only.

        Args:
            x: a vector for each token, [B, T, C].

        Returns:
            What attention found for each token, [B, T, C].
        """
        B, T, C = x.shape
        qkv = self.c_attn(x)  # [B, T, C] -> [B, T, 3C]
        q, k, v = (
            part.reshape([B, T, self.n_head, -1]).transpose(1, 2)  # [B, T, C] -> [B, H, T, D]
            for part in F.split(qkv, [C, C, C], axis=-1)
        )
        heads = attention(q, k, v)  # [B, H, T, D]
        merged = heads.transpose(1, 2).reshape([B, T, C])  # -> [B, T, H, D] -> [B, T, C]
        return self.c_proj(merged)  # [B, T, C] -> [B, T, C]
