"""Step 04: an embedding is a row lookup, and a row lookup is a product with one-hot vectors."""

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
        return self.weight[ids]  # [...] -> [..., C]

    def one_hot(self, ids: np.ndarray) -> np.ndarray:
        """Turn each ID into a vector of zeros with a single one, at the place of the ID.

        Returns:
            The vectors, [..., vocab_size], in the table's own type.

        Raises:
            IndexError: as `lookup`.
        """
        self._refuse_unknown(ids)
        places = np.arange(len(self.weight))  # [V]
        hot = np.asarray(ids)[..., np.newaxis] == places  # [..., 1] == [V] -> [..., V]
        return hot.astype(self.weight.dtype)

    def multiply(self, ids: np.ndarray) -> np.ndarray:
        """What `lookup` gives, but as a product of the one-hot vectors with the table."""
        return self.one_hot(ids) @ self.weight  # [..., V] @ [V, C] -> [..., C]

    def _refuse_unknown(self, ids: np.ndarray) -> None:
        """Raise an IndexError unless every ID is the number of a row."""
        ids = np.asarray(ids)
        if ids.dtype.kind not in "iu":
            raise IndexError(f"IDs must be whole numbers, not {ids.dtype}")
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self.weight):
            raise IndexError(f"IDs must go from 0 to {len(self.weight) - 1}, not {ids.min()} to {ids.max()}")
