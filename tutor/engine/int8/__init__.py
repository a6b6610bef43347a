"""Weights of one byte each, for `generate --weights int8`: which become int8, and how a graph multiplies with them.

The product is the operation in __init__.mojo, beside this file.

A row of a matrix is divided by a scale of its own, so that the number farthest from 0 becomes 127 or -127, and rounded.
Memory gives such a matrix in a quarter of the time, and with one token at a time that is nearly all there is to do.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from max.driver import CPU
from max.dtype import DType
from max.experimental import functional, nn
from max.experimental.tensor import Tensor
from max.graph import DeviceRef, TensorType

FOLDER = Path(__file__).parent
LANES = 16
"""The operation reads up to this many numbers of a row at once, so rows of other lengths stay float32."""

Convert = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Makes of a matrix, [out, in], its rows as int8 and their scales, [out]."""


def rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of a matrix, int8 [out, in], and their scales, float32 [out]. A row of zeros has the scale 0."""
    array = np.from_dlpack(weight)
    scale = np.maximum(array.max(axis=1), -array.min(axis=1)) / np.float32(127)
    rows = array / np.where(scale, scale, 1)[:, None]
    return Tensor.from_dlpack(np.rint(rows, out=rows).astype(np.int8)), Tensor.from_dlpack(scale)


def unknown(weight: Tensor) -> tuple[Tensor, Tensor]:
    """What `rounded` gives, by its shapes alone: to make a graph, no number is needed."""
    with functional.lazy():
        return Tensor.zeros(weight.shape, dtype=DType.int8), Tensor.zeros(weight.shape[:1])


class Small(nn.Module):
    """A matrix [out, in] as int8.

    Attributes:
        rows: int8 [out, in].
        scale: what each row is to be multiplied with, float32 [out].
    """

    def __init__(self, rows: Tensor, scale: Tensor):
        self.rows, self.scale = rows, scale

    def product(self, x: Tensor) -> Tensor:
        """[T, in] -> [T, out]."""
        kind = TensorType(DType.float32, [x.shape[0], self.rows.shape[0]], device=DeviceRef.CPU())
        inputs = [x, self.rows, self.scale]
        return functional.custom("int8_product", CPU(), inputs, [kind], custom_extensions=FOLDER)[0]


class SmallLinear(Small):
    """In place of a linear layer."""

    def __init__(self, linear: nn.Module, convert: Convert):
        super().__init__(*convert(linear.weight))
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, in] -> [B, T, out]."""
        B, T, size = x.shape
        return self.product(x.reshape([-1, size])).reshape([B, T, -1]) + self.bias


class SmallEmbedding(Small):
    """In place of the token embeddings; as its own `weight` it also scores vectors: `wte.weight @ columns`."""

    def __init__(self, embedding: nn.Module, convert: Convert):
        super().__init__(*convert(embedding.weight))

    @property
    def weight(self) -> "SmallEmbedding":
        """The table, of which nothing but `@` is known."""
        return self

    def __matmul__(self, columns: Tensor) -> Tensor:
        """[in, B] -> [out, B]."""
        return self.product(columns.T).T

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, T] -> [B, T, in]."""
        rows, scale = (functional.gather(table, tokens, axis=0) for table in (self.rows, self.scale))
        return rows.cast(DType.float32) * scale.reshape([*tokens.shape, 1])


def use_int8(module: nn.Module, linear: type[nn.Module], convert: Convert) -> None:
    """Make the weights of all layers of the type `linear` in a module int8, and those of its `wte`."""
    for name, child in module.children:
        kind = SmallLinear if type(child) is linear else SmallEmbedding if name == "wte" else None
        if kind is None:
            use_int8(child, linear, convert)
        elif int(child.weight.shape[1]) % LANES == 0:
            setattr(module, name, kind(child, convert))
