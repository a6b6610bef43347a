"""nearest without its return.

Diagnosis: nearest gives None: is a `return` missing
"""

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
    lengths = np.linalg.norm(a) * np.linalg.norm(b, axis=-1)  # [V]
    return b @ a / np.where(lengths == 0, 1, lengths)  # [V, C] @ [C] -> [V]


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
    similarities = cosine_similarity(vector, table)  # [C], [V, C] -> [V]
    ranked = [int(row) for row in np.argsort(-similarities) if row not in exclude]
    [(row, float(similarities[row])) for row in ranked[:count]]


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
