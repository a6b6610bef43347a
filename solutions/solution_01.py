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

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    layer_norm_epsilon: float = 1e-5

    def __post_init__(self):
        """Refuse sizes that no model can have."""
        for name in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head"):
            value = getattr(self, name)
            if type(value) is not int or value <= 0:
                raise ValueError(f"{name} must be a positive whole number, not {value!r}")
        if not isinstance(self.layer_norm_epsilon, float) or self.layer_norm_epsilon <= 0:
            raise ValueError(f"layer_norm_epsilon must be a positive float, not {self.layer_norm_epsilon!r}")
        if self.n_embd % self.n_head:
            raise ValueError(f"n_head ({self.n_head}) must divide n_embd ({self.n_embd})")

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
        values = json.loads(Path(path).read_text())
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in values]
        if missing:
            raise ValueError(f"{path} lacks {', '.join(missing)}")
        return cls(**{name: values[name] for name in names})
