"""Step 16: what trained embeddings know, measured by the angle between two of them."""

from collections.abc import Collection

import numpy as np

from solutions.solution_02 import Tokenizer, encode


def word_id(word: str, tokenizer: Tokenizer) -> int:
    """The token of a word as it stands inside a text, that is, with the space before it.

    Raises:
        ValueError: the word is several tokens, so that no single row of the table stands for it.
    """
    raise NotImplementedError("find the one token of a word inside a text")


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> float | np.ndarray:
    """The cosine of the angle between vectors: a · b / (|a| |b|).

    Args:
        a: a vector, [C].
        b: a vector, [C], or the rows of a table, [V, C].

    Returns:
        1 for the same direction, 0 for a right angle, -1 for opposite directions: one number, or
        one for each row, [V]. A vector of zeros points nowhere; its similarity to anything is 0.
    """
    raise NotImplementedError("compute the cosine of the angle between vectors")


def nearest(
    vector: np.ndarray, table: np.ndarray, count: int, exclude: Collection[int] = ()
) -> list[tuple[int, float]]:
    """The rows of a table that point most nearly in the direction of a vector.

    Args:
        vector: where to look, [C].
        table: the rows to search, [V, C].
        count: how many rows to give; all that are left where there are fewer.
        exclude: numbers of rows to pass over.

    Returns:
        (number of the row, cosine similarity), the most similar first.
    """
    raise NotImplementedError("rank the rows of the table by their similarity")


def analogy(a: int, b: int, c: int, table: np.ndarray, count: int) -> list[tuple[int, float]]:
    """The rows nearest to a - b + c: king - man + woman (Mikolov et al. 2013).

    Args:
        a, b, c: numbers of rows. They are left out of the answer, which would often be one of them.
        table: the rows, [V, C].
        count: how many rows to give.

    Returns:
        As `nearest`.
    """
    raise NotImplementedError("find the rows nearest to a - b + c")
