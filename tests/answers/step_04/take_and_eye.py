"""Rows by np.take, one-hot vectors as rows of the identity matrix, the product by einsum."""

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
        return np.take(self.weight, ids, axis=0)

    def one_hot(self, ids: np.ndarray) -> np.ndarray:
        """Turn each ID into a vector of zeros with a single one, at the place of the ID.

        Returns:
            The vectors, [..., vocab_size], in the table's own type.

        Raises:
            IndexError: as `lookup`.
        """
        self._refuse_unknown(ids)
        return np.identity(len(self.weight), dtype=self.weight.dtype)[ids]

    def multiply(self, ids: np.ndarray) -> np.ndarray:
        """What `lookup` gives, but as a product of the one-hot vectors with the table."""
        return np.einsum("...v,vc->...c", self.one_hot(ids), self.weight)

    def _refuse_unknown(self, ids: np.ndarray) -> None:
        """Raise an IndexError unless every ID is the number of a row."""
        ids = np.asarray(ids)
        for number in ids.flat:
            if not isinstance(number, np.integer) or number not in range(len(self.weight)):
                raise IndexError(f"no row has the number {number}")
