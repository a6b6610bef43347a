"""As Hugging Face does it: sorted from the worst, and a draw by the sum of the chances."""

import numpy as np


def probabilities(logits: np.ndarray, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    """The chance of each token to come next.

    Temperature comes first, then top-k, then top-p, then softmax: the order of Hugging Face's
    `generate`. What a filter takes out has probability 0.

    Args:
        logits: the scores of all tokens, [V].
        temperature: what the logits are divided by. Below 1 the best token gains, above 1 the
            probability spreads out; at 0 the best one has all of it, the first if several are best.
        top_k: only the k tokens with the highest logits stay, and those that equal the last of
            them; all stay if it is 0 or above V (Fan et al. 2018).
        top_p: only the best tokens stay, as few as have a probability of top_p together, and always
            one; all stay if it is 1 (Holtzman et al. 2020, nucleus sampling).

    Returns:
        The probabilities, [V]: they sum to 1.

    Raises:
        ValueError: temperature or top_k is negative, or top_p is not between 0 and 1.
    """
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
    """Draw the next token with the chances that `probabilities` gives.

    Args:
        logits, temperature, top_k, top_p: as `probabilities`.
        rng: the source of chance: the same seed draws the same tokens.
    """
    sums = np.cumsum(probabilities(logits, temperature, top_k, top_p))
    return int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
