"""Vectors made one long first; the best rows by heapq."""

import heapq
from collections.abc import Collection

import numpy as np

from solutions.solution_02 import Tokenizer, encode


def word_id(word: str, tokenizer: Tokenizer) -> int:
    """The token of a word as it stands inside a text, that is, with the space before it.

    Raises:
        ValueError: the word is several tokens, so that no single row of the table stands for it.
    """
    try:
        (token,) = encode(f" {word}", tokenizer)
    except ValueError as error:
        raise ValueError(f"no single token for {word}") from error
    return token


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors made one long, zeros left as they are."""
    lengths = np.sqrt((vectors**2).sum(axis=-1, keepdims=True))
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> float | np.ndarray:
    """The cosine of the angle between vectors: a · b / (|a| |b|).

    Args:
        a: a vector, [C].
        b: a vector, [C], or the rows of a table, [V, C].

    Returns:
        1 for the same direction, 0 for a right angle, -1 for opposite directions: one number, or
        one for each row, [V]. A vector of zeros points nowhere; its similarity to anything is 0.
    """
    return unit(b) @ unit(a)


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
    scores = enumerate(cosine_similarity(vector, table).tolist())
    left = [pair for pair in scores if pair[0] not in set(exclude)]
    return heapq.nlargest(count, left, key=lambda pair: pair[1])


def analogy(a: int, b: int, c: int, table: np.ndarray, count: int) -> list[tuple[int, float]]:
    """The rows nearest to a - b + c: king - man + woman (Mikolov et al. 2013).

    Args:
        a, b, c: numbers of rows. They are left out of the answer, which would often be one of them.
        table: the rows, [V, C].
        count: how many rows to give.

    Returns:
        As `nearest`.
    """
    there = table[[a, c]].sum(axis=0) - table[b]
    found = nearest(there, table, count + 3)
    return [pair for pair in found if pair[0] not in {a, b, c}][:count]
