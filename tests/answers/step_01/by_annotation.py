"""The checks go by the fields' types; a missing key is found by asking for it."""

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
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = (int,) if field.name != "layer_norm_epsilon" else (int, float)
            if type(value) not in kinds or not value > 0:
                raise ValueError(f"{field.name} = {value!r}: a positive number is needed, and a whole one for a size")
        if self.n_embd != self.head_dim * self.n_head:
            raise ValueError(f"{self.n_head} heads (n_head) cannot share {self.n_embd} numbers (n_embd)")

    @property
    def head_dim(self) -> int:
        return self.n_embd // self.n_head

    @classmethod
    def from_json(cls, path: str | Path) -> "GPT2Config":
        with open(path) as file:
            values = json.load(file)
        chosen = {}
        for field in fields(cls):
            try:
                chosen[field.name] = values[field.name]
            except KeyError:
                raise ValueError(f"{path}: no {field.name}") from None
        return cls(**chosen)
