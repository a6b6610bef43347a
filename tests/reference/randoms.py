"""Random GPT-2s: configurations unlike each other, and weights made from a seed.

The weights are not stored: whoever compares makes them again here, which needs NumPy alone.
`RandomState` is used since NumPy promises that its numbers never change (NEP 19).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    """A configuration by the names of `config.json`, the seed of its weights, and [B, T]."""

    config: dict[str, float]
    seed: int
    shape: tuple[int, int]


def _config(
    n_layer: int,
    n_head: int,
    n_embd: int,
    vocab_size: int,
    n_positions: int,
    layer_norm_epsilon: float = 1e-5,
) -> dict[str, float]:
    return dict(locals())


CASES = {
    "small": Case(_config(1, 3, 24, 101, 16), seed=11, shape=(2, 5)),
    "one-row": Case(_config(2, 5, 40, 67, 20), seed=12, shape=(1, 6)),
    "one-token": Case(_config(2, 2, 36, 53, 9), seed=13, shape=(5, 1)),
    "full-length": Case(_config(3, 4, 48, 89, 13), seed=14, shape=(2, 13)),
    "one-head": Case(_config(1, 1, 20, 73, 11), seed=15, shape=(3, 7)),
    "epsilon": Case(_config(2, 6, 18, 61, 10, layer_norm_epsilon=1e-2), seed=16, shape=(4, 5)),
}


LARGE = np.float32([1000, -1000])
"""Numbers of which e to the power is infinite, and 0, in float64 too."""


def ids_of_every_shape(count: int) -> list[np.ndarray]:
    """IDs below `count`: one without an axis, none, [B, T], and three axes, of the types in which texts are stored."""
    rng = np.random.RandomState(17)
    shapes = {"int64": (), "uint16": (0,), "int32": (3, 5), "uint8": (2, 3, 2)}
    return [np.array(rng.randint(0, count, shape), dtype) for dtype, shape in shapes.items()]


def random_weights(config: dict[str, float], seed: int) -> dict[str, np.ndarray]:
    """Float32 weights of a GPT-2 under Hugging Face's names, without the prefix "transformer.".

    Matrices are [in, out], as Hugging Face's Conv1D keeps them, and scaled so that activations
    stay near unit variance. No bias is zero and no LayerNorm weight is one.
    """
    rng = np.random.RandomState(seed)
    c = int(config["n_embd"])

    def normal(*shape: int, std: float = 1.0, mean: float = 0.0) -> np.ndarray:
        return (mean + std * rng.standard_normal(shape)).astype(np.float32)

    weights = {
        "wte.weight": normal(int(config["vocab_size"]), c),
        "wpe.weight": normal(int(config["n_positions"]), c),
    }

    def norm(name: str) -> None:
        weights[f"{name}.weight"] = normal(c, std=0.3, mean=1.0)
        weights[f"{name}.bias"] = normal(c, std=0.3)

    def linear(name: str, n_in: int, n_out: int) -> None:
        weights[f"{name}.weight"] = normal(n_in, n_out, std=n_in**-0.5)
        weights[f"{name}.bias"] = normal(n_out, std=0.3)

    for layer in range(int(config["n_layer"])):
        norm(f"h.{layer}.ln_1")
        linear(f"h.{layer}.attn.c_attn", c, 3 * c)
        linear(f"h.{layer}.attn.c_proj", c, c)
        norm(f"h.{layer}.ln_2")
        linear(f"h.{layer}.mlp.c_fc", c, 4 * c)
        linear(f"h.{layer}.mlp.c_proj", 4 * c, c)
    norm("ln_f")
    return weights
