"""Vectors made one long first; the best rows by heapq."""

import heapq
from collections.abc import Collection

import numpy as np

from solutions.solution_02 import Tokenizer, encode


def word_id(word: str, tokenizer: Tokenizer) -> int:
    try:
        (token,) = encode(f" {word}", tokenizer)
    except ValueError as error:
        raise ValueError(f"no single token for {word}") from error
    return token


def unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.sqrt((vectors**2).sum(axis=-1, keepdims=True))
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> float | np.ndarray:
    return unit(b) @ unit(a)


def nearest(
    vector: np.ndarray, table: np.ndarray, count: int, exclude: Collection[int] = ()
) -> list[tuple[int, float]]:
    scores = enumerate(cosine_similarity(vector, table).tolist())
    left = [pair for pair in scores if pair[0] not in set(exclude)]
    return heapq.nlargest(count, left, key=lambda pair: pair[1])


def analogy(a: int, b: int, c: int, table: np.ndarray, count: int) -> list[tuple[int, float]]:
    there = table[[a, c]].sum(axis=0) - table[b]
    found = nearest(there, table, count + 3)
    return [pair for pair in found if pair[0] not in {a, b, c}][:count]
