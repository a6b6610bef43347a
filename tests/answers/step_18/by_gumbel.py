"""The temperature after top-k, which is the same; a draw by the largest of logits with Gumbel noise."""

import numpy as np


def probabilities(logits: np.ndarray, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    if temperature < 0 or top_k < 0 or not 0 <= top_p <= 1:
        raise ValueError("settings that make no sense")
    logits = np.array(logits, np.float64)
    if temperature == 0:
        top_k, temperature = 1, 1.0
        logits[np.arange(len(logits)) > np.argmax(logits)] = -np.inf
    ranked = sorted(logits, reverse=True)
    if top_k:
        logits[logits < ranked[min(top_k, len(ranked)) - 1]] = -np.inf
    chances = _softmax(logits / temperature)
    if top_p < 1:
        kept, total = np.zeros_like(chances), 0.0
        for token in sorted(range(len(chances)), key=lambda token: -chances[token]):
            kept[token] = chances[token]
            total += chances[token]
            if total >= top_p:
                break
        chances = kept / kept.sum()
    return chances


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def sample(
    logits: np.ndarray,
    temperature: float,
    top_k: int,
    top_p: float,
    rng: np.random.Generator,
) -> int:
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities(logits, temperature, top_k, top_p))
    return int(np.argmax(scores + rng.gumbel(size=len(scores))))
