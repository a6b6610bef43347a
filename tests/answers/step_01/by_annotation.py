"""The checks go by the fields' types; a missing key is found by asking for it."""

import json
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class GPT2Config:
    """The hyperparameters of a GPT-2, under the names of Hugging Face's config.json.

    The defaults are those of the smallest GPT-2 that OpenAI published, with 124 million parameters.

    Attributes:
        vocab_size: how many tokens there are.
        n_positions: how many tokens the model can look at together, its context length.
        n_embd: C, the size of the vector that stands for a token.
        n_layer: how many blocks are stacked.
        n_head: H, how many attention heads a block has; each works on n_embd / n_head numbers.
        layer_norm_epsilon: added to a variance before its root is taken, against division by zero.

    Raises:
        ValueError: a size is not a positive whole number, or n_head does not divide n_embd.
    """

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    layer_norm_epsilon: float = 1e-5

    def __post_init__(self):
        """Refuse sizes that no model can have."""
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = (int,) if field.name != "layer_norm_epsilon" else (int, float)
            if type(value) not in kinds or not value > 0:
                raise ValueError(f"{field.name} = {value!r}: a positive number is needed, and a whole one for a size")
        if self.n_embd != self.head_dim * self.n_head:
            raise ValueError(f"{self.n_head} heads (n_head) cannot share {self.n_embd} numbers (n_embd)")

    @property
    def head_dim(self) -> int:
        """D, the size of one head's vectors: n_embd / n_head."""
        return self.n_embd // self.n_head

    @classmethod
    def from_json(cls, path: str | Path) -> "GPT2Config":
        """Read a Hugging Face config.json; keys that this class has no field for are left aside.

        Raises:
            ValueError: the file lacks a hyperparameter, or holds a size that no model can have.
        """
        with open(path) as file:
            values = json.load(file)
        chosen = {}
        for field in fields(cls):
            try:
                chosen[field.name] = values[field.name]
            except KeyError:
                raise ValueError(f"{path}: no {field.name}") from None
        return cls(**chosen)
