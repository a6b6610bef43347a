"""Step 18: the next token by chance, with the odds under control."""

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
    raise NotImplementedError("turn logits into probabilities: temperature, top-k, top-p, softmax")


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
    raise NotImplementedError("draw a token with these probabilities")
