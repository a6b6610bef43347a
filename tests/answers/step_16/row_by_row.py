"""One row after the other, no axis anywhere."""

from collections.abc import Collection

import numpy as np

from solutions.solution_02 import Tokenizer, encode


def word_id(word: str, tokenizer: Tokenizer) -> int:
    """The token of a word as it stands inside a text, that is, with the space before it.

    Raises:
        ValueError: the word is several tokens, so that no single row of the table stands for it.
    """
    ids = encode(" " + word, tokenizer)
    if len(ids) != 1:
        raise ValueError(f"{word!r} is {len(ids)} tokens of this vocabulary, not one")
    return ids[0]


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> float | np.ndarray:
    """The cosine of the angle between vectors: a · b / (|a| |b|).

    Args:
        a: a vector, [C].
        b: a vector, [C], or the rows of a table, [V, C].

    Returns:
        1 for the same direction, 0 for a right angle, -1 for opposite directions: one number, or
        one for each row, [V]. A vector of zeros points nowhere; its similarity to anything is 0.
    """
    if np.ndim(b) == 2:
        return np.array([cosine_similarity(a, row) for row in b])
    length = float(np.dot(a, a) * np.dot(b, b)) ** 0.5
    return float(np.dot(a, b)) / length if length else 0.0


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
    found = [(row, cosine_similarity(vector, other)) for row, other in enumerate(table)]
    found.sort(key=lambda pair: pair[1], reverse=True)
    return [pair for pair in found if pair[0] not in exclude][:count]


def analogy(a: int, b: int, c: int, table: np.ndarray, count: int) -> list[tuple[int, float]]:
    """The rows nearest to a - b + c: king - man + woman (Mikolov et al. 2013).

    Args:
        a, b, c: numbers of rows. They are left out of the answer, which would often be one of them.
        table: the rows, [V, C].
        count: how many rows to give.

    Returns:
        As `nearest`.
    """
    return nearest(table[a] - table[b] + table[c], table, count, exclude=(a, b, c))
