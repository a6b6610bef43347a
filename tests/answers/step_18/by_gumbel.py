"""The temperature after top-k, which is the same; a draw by the largest of logits with Gumbel noise."""

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
    """Shares of e to the power of each logit, [V]; the largest becomes 0, against overflow."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


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
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities(logits, temperature, top_k, top_p))
    return int(np.argmax(scores + rng.gumbel(size=len(scores))))
