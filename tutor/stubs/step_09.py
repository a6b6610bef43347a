"""Step 09: several heads of attention side by side."""

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
        raise NotImplementedError("make self.c_attn and self.c_proj, and keep config.n_head")

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens of each text exchange what they know, forwards only.

        Args:
            x: a vector for each token, [B, T, C].

        Returns:
            What attention found for each token, [B, T, C].
        """
        raise NotImplementedError("project to q, k, v, split the heads, attend, merge, project")
