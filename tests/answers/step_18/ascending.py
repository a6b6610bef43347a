"""As Hugging Face does it: sorted from the worst, and a draw by the sum of the chances."""

import numpy as np


def probabilities(logits: np.ndarray, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    if temperature < 0:
        raise ValueError("temperature below 0")
    if top_k < 0 or top_p < 0 or top_p > 1:
        raise ValueError("top_k below 0 or top_p not between 0 and 1")
    result = np.zeros(len(logits))
    if temperature == 0:
        result[logits.argmax()] = 1
        return result
    scores = logits.astype(float)
    scores = (scores - scores.max()) / temperature
    if top_k:
        threshold = np.partition(scores, -min(top_k, len(scores)))[-min(top_k, len(scores))]
        scores[scores < threshold] = -np.inf
    order = scores.argsort(kind="stable")
    sums = np.exp(scores[order]).cumsum() / np.exp(scores).sum()
    if top_p < 1:
        gone = sums <= 1 - top_p
        gone[-1] = False
        scores[order[gone]] = -np.inf
    return np.exp(scores) / np.exp(scores).sum()


def sample(
    logits: np.ndarray,
    temperature: float,
    top_k: int,
    top_p: float,
    rng: np.random.Generator,
) -> int:
    sums = np.cumsum(probabilities(logits, temperature, top_k, top_p))
    return int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
