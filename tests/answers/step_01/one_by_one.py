"""Each size checked on its own, the keys chosen by intersection."""

import json
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class GPT2Config:
    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    layer_norm_epsilon: float = 1e-5

    def __post_init__(self):
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
        return self.n_embd // self.n_head

    @classmethod
    def from_json(cls, path: str | Path) -> "GPT2Config":
        values = json.loads(Path(path).read_bytes())
        names = {field.name for field in fields(cls)}
        if not names <= values.keys():
            raise ValueError(f"{path} is not a config of a GPT-2: {sorted(names - values.keys())} not found")
        return cls(*(values[field.name] for field in fields(cls)))
