"""Ones put into zeros; rows gathered one by one; the product by tensordot."""

import numpy as np


class LookupTable:
    def __init__(self, weight: np.ndarray):
        self.weight = np.asarray(weight)

    def lookup(self, ids: np.ndarray) -> np.ndarray:
        self._refuse_unknown(ids)
        ids = np.asarray(ids)
        rows = np.empty((*ids.shape, self.weight.shape[1]), self.weight.dtype)
        for place in np.ndindex(ids.shape):
            rows[place] = self.weight[ids[place]]
        return rows

    def one_hot(self, ids: np.ndarray) -> np.ndarray:
        self._refuse_unknown(ids)
        ids = np.asarray(ids)
        vectors = np.zeros((*ids.shape, len(self.weight)), self.weight.dtype)
        np.put_along_axis(vectors, ids[..., np.newaxis], 1, axis=-1)
        return vectors

    def multiply(self, ids: np.ndarray) -> np.ndarray:
        return np.tensordot(self.one_hot(ids), self.weight, axes=1)

    def _refuse_unknown(self, ids: np.ndarray) -> None:
        ids = np.asarray(ids)
        if not np.issubdtype(ids.dtype, np.integer) or not np.isin(ids, np.arange(len(self.weight))).all():
            raise IndexError(f"IDs are whole numbers from 0 to {len(self.weight) - 1}")
