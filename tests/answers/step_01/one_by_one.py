"""Each size checked on its own, the keys chosen by intersection."""

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
        sizes = {
            "vocab_size": self.vocab_size,
            "n_positions": self.n_positions,
            "n_embd": self.n_embd,
        }
        sizes |= {"n_layer": self.n_layer, "n_head": self.n_head}
        bad = [name for name, size in sizes.items() if type(size) is not int or size < 1]
        if bad:
            raise ValueError(f"not a positive whole number: {', '.join(bad)}")
        if type(self.layer_norm_epsilon) is not float or not self.layer_norm_epsilon > 0:
            raise ValueError(f"layer_norm_epsilon is {self.layer_norm_epsilon!r}")
        quotient, rest = divmod(self.n_embd, self.n_head)
        if rest:
            raise ValueError(f"n_embd = n_head * {quotient} + {rest}: the division by n_head leaves a rest")

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
        values = json.loads(Path(path).read_bytes())
        names = {field.name for field in fields(cls)}
        if not names <= values.keys():
            raise ValueError(f"{path} is not a config of a GPT-2: {sorted(names - values.keys())} not found")
        return cls(*(values[field.name] for field in fields(cls)))
