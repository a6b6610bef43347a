"""Step 04: an embedding is a row lookup, and a row lookup is a product with one-hot vectors."""

import numpy as np


class LookupTable:
    """A table with a row of numbers for each token.

    Attributes:
        weight: the table, [vocab_size, n_embd].
    """

    def __init__(self, weight: np.ndarray):
        """Keep the table."""
        raise NotImplementedError("keep the table as self.weight")

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
        raise NotImplementedError("pick the row of each ID")

    def one_hot(self, ids: np.ndarray) -> np.ndarray:
        """Turn each ID into a vector of zeros with a single one, at the place of the ID.

        Returns:
            The vectors, [..., vocab_size], in the table's own type.

        Raises:
            IndexError: as `lookup`.
        """
        raise NotImplementedError("turn each ID into a one-hot vector")

    def multiply(self, ids: np.ndarray) -> np.ndarray:
        """What `lookup` gives, but as a product of the one-hot vectors with the table."""
        raise NotImplementedError("multiply the one-hot vectors with the table")
