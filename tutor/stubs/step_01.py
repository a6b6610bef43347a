"""Step 01: the numbers that make a GPT-2 a GPT-2."""

import json
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class GPT2Config:
    """The hyperparameters of a GPT-2, under the names of Hugging Face's config.json.

    The defaults are those of the smallest GPT-2 that OpenAI published, with 124 million parameters.
    A field cannot be changed later.

    Attributes:
        vocab_size: how many tokens there are.
        n_positions: how many tokens the model can look at together, its context length.
        n_embd: C, the size of the vector that stands for a token.
        n_layer: how many blocks are stacked.
        n_head: H, how many attention heads a block has; each works on n_embd / n_head numbers.
        layer_norm_epsilon: added to a variance before its root is taken, against division by zero.

    Raises:
        ValueError: a size is not a positive whole number, layer_norm_epsilon is not a positive
            float, or n_head does not divide n_embd.
    """

    vocab_size: int = ...
    n_positions: int = ...
    n_embd: int = ...
    n_layer: int = ...
    n_head: int = ...
    layer_norm_epsilon: float = ...

    def __post_init__(self):
        """Refuse sizes that no model can have."""
        raise NotImplementedError("raise a ValueError for sizes that no model can have")

    @property
    def head_dim(self) -> int:
        """D, the size of one head's vectors: n_embd / n_head."""
        raise NotImplementedError("work out the size of one head")

    @classmethod
    def from_json(cls, path: str | Path) -> "GPT2Config":
        """Read a Hugging Face config.json; keys that this class has no field for are left aside.

        Raises:
            ValueError: the file lacks a hyperparameter, or holds a size that no model can have.
        """
        raise NotImplementedError("read the hyperparameters from a config.json")
