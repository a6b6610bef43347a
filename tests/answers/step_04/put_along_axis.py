"""Ones put into zeros; rows gathered one by one; the product by tensordot."""

import numpy as np


class LookupTable:
    """A table with a row of numbers for each token.

    Attributes:
        weight: the table, [vocab_size, n_embd].
    """

    def __init__(self, weight: np.ndarray):
        """Keep the table."""
        self.weight = np.asarray(weight)

    def lookup(self, ids: np.ndarray) -> np.ndarray:
        """Pick the row of each ID.

        Args:
            ids: whole numbers from 0 to vocab_size - 1, of any shape [...].

        Returns:
            The rows, [..., n_embd].

        Raises:
            IndexError: there is no row with one of the IDs, or they are not whole numbers. A
                negative ID has no row, though NumPy would count it from the end.
        """
        self._refuse_unknown(ids)
        ids = np.asarray(ids)
        rows = np.empty((*ids.shape, self.weight.shape[1]), self.weight.dtype)
        for place in np.ndindex(ids.shape):
            rows[place] = self.weight[ids[place]]
        return rows

    def one_hot(self, ids: np.ndarray) -> np.ndarray:
        """Turn each ID into a vector of zeros with a single one, at the place of the ID.

        Returns:
            The vectors, [..., vocab_size], in the table's own type.

        Raises:
            IndexError: as `lookup`.
        """
        self._refuse_unknown(ids)
        ids = np.asarray(ids)
        vectors = np.zeros((*ids.shape, len(self.weight)), self.weight.dtype)
        np.put_along_axis(vectors, ids[..., np.newaxis], 1, axis=-1)
        return vectors

    def multiply(self, ids: np.ndarray) -> np.ndarray:
        """What `lookup` gives, but as a product of the one-hot vectors with the table."""
        return np.tensordot(self.one_hot(ids), self.weight, axes=1)

    def _refuse_unknown(self, ids: np.ndarray) -> None:
        """Raise an IndexError unless every ID is the number of a row."""
        ids = np.asarray(ids)
        if not np.issubdtype(ids.dtype, np.integer) or not np.isin(ids, np.arange(len(self.weight))).all():
            raise IndexError(f"IDs are whole numbers from 0 to {len(self.weight) - 1}")
